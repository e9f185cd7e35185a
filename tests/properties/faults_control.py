"""Faults of groups, gates, deduplication, revocation, letters, administration and explain, one at a time."""

from .faults import Fault

CONTROL = [
    # groups
    Fault("a settled member keeps its slot", "settling", "        leave_active(s, q, held.ordering_key)\n", ""),
    Fault("a stalled member keeps its slot", "due", "        leave_active(s, q, row.ordering_key)\n", "        pass\n"),
    Fault(
        "one slot too many",
        "groups",
        "if group.active >= max(group.concurrency, 1):",
        "if group.active > max(group.concurrency, 1):",
    ),
    Fault(
        "priority breaks the turns of one slot",
        "groups",
        "    if group.concurrency > 1:\n        queued",
        "    if group.concurrency >= 0:\n        queued",
    ),
    Fault("a started head is not replaced", "work", "    refresh_group(s, q, now, keep, key)\n", ""),
    Fault(
        "an expired member's turn does not pass on",
        "due",
        "    refresh_group(s, q, now, keep, row.ordering_key)\n    return row.state != DELAYED",
        "    return row.state != DELAYED",
    ),
    Fault(
        "a requeue to the back goes first",
        "settling",
        "        return_to_back(s, q, job_id, row)",
        "        return_to_front(s, q, job_id, row)",
    ),
    Fault("a requeue to the front goes last", "settling", "settlement.back and row.ordering_key", "row.ordering_key"),
    Fault("a pause replaces what should extend", "groups", "    if not replace:\n", "    if replace:\n"),
    Fault(
        "a shorter pause cuts the longer one",
        "groups",
        "until = max(until, s.read(group_key(q, key), GroupRow).paused_until)",
        "until = min(until, s.read(group_key(q, key), GroupRow).paused_until)",
    ),
    Fault(
        "a group pause holds nothing back",
        "groups",
        "    at = group.paused_until\n    if group.capacity > 0:\n        bucket",
        "    at = 0\n    if group.capacity > 0:\n        bucket",
    ),
    Fault("the count of parked jobs drifts", "groups", '"parked", parked - group.parked)', '"parked", parked)'),
    Fault(
        "an idle group is not forgotten",
        "groups",
        "        if looks_at == 0:\n            forget_group",
        "        if looks_at < 0:\n            forget_group",
    ),
    Fault("limits set from outside go when idle", "groups", "    if group.keeps == 1:\n", "    if group.keeps == 2:\n"),
    Fault("a sleeping group sleeps on", "groups", "        s.zadd(rate_limited_key(q), at, key)\n", ""),
    # buckets
    Fault(
        "an idle bucket holds a double burst",
        "buckets",
        (
            "elapsed = min(max(now - group.tokens_at, 0), ceil_div(missing, group.refill))\n"
            "    return Bucket(min(group.tokens + elapsed * group.refill, most), now)"
        ),
        (
            "elapsed = max(now - group.tokens_at, 0)\n"
            "    return Bucket(min(group.tokens + elapsed * group.refill, most * 2), now)"
        ),
    ),
    Fault("a start takes no tokens", "groups", "tokens=bucket.tokens - cost * MICRO", "tokens=bucket.tokens"),
    Fault(
        "a job that costs too much waits for ever",
        "groups",
        "if group.capacity == 0 or cost <= group.capacity:",
        "if group.capacity >= 0:",
    ),
    # windows and the gates of the queue
    Fault(
        "a window allows one start too many",
        "windows",
        "return max(most - used, 0)",
        "return max(most - used + 1, 0)",
    ),
    Fault(
        "a window is open at its end",
        "windows",
        "    if opened == 0 or now >= opened + length:\n        return most",
        "    if opened == 0 or now > opened + length:\n        return most",
    ),
    Fault("a window opens anew at each start", "windows", "    return opened\n", "    return now\n"),
    Fault("a group's window counts nothing", "groups", "group.window_used, now) + 1", "group.window_used, now)"),
    Fault(
        "one active job too many",
        "gates",
        "meta.global_concurrency - s.zcard",
        "meta.global_concurrency + 1 - s.zcard",
    ),
    Fault("the global window counts nothing", "gates", "global_window_used=used + starts", "global_window_used=used"),
    Fault("a limiter counts nothing", "gates", "window_used=counted + starts", "window_used=counted"),
    Fault("a limiter is not shared", "gates", 'return text(caller.limiter_max) + ":"', 'return caller.worker + ":"'),
    # deduplication
    Fault(
        "a throttle window is a millisecond long",
        "dedup",
        "row.accepted_at > 0 and now < row.accepted_at + ttl",
        "row.accepted_at > 0 and now <= row.accepted_at + ttl",
    ),
    Fault(
        "an erased job is still a duplicate",
        "dedup",
        "s.hset(key, jobs=row.jobs - 1)",
        "s.hset(key, jobs=row.jobs)",
    ),
    Fault(
        "a simple window is a millisecond long",
        "dedup",
        "now < row.accepted_at + ttl)",
        "now <= row.accepted_at + ttl)",
    ),
    Fault(
        "an ended job is no duplicate",
        "endings",
        "        s.hset(job_key(q, job_id), state=COMPLETED, return",
        "        release(s, q, held.dedup_id, job_id)\n        s.hset(job_key(q, job_id), state=COMPLETED, return",
    ),
    Fault(
        "a debounce cancels a job that won its window",
        "dedup",
        'if row.pending == "" or now >= row.pending_until:',
        'if row.pending == "":',
    ),
    Fault(
        "a debounce cancels a job that ran",
        "dedup",
        'if held.state != DELAYED or held.token != "":',
        "if held.state != DELAYED:",
    ),
    Fault("a debounce keeps the superseded job", "jobs", "        erase(s, q, now, keep, superseded, row)\n", ""),
    # revocation
    Fault("a revoked job is retried", "settling", "if held.revoked == 1:", "if held.revoked == 2:"),
    Fault(
        "a revoked job that stalled runs again",
        "due",
        "if row.revoked == 0 and row.stalled_count",
        "if row.stalled_count",
    ),
    Fault("a retried job stays revoked", "changes", '"stalled_count", "revoked"]', '"stalled_count"]'),
    Fault(
        "an extension does not tell of a revocation",
        "work",
        'REVOKED_STATUS if held.revoked == 1 else "extended"',
        '"extended"',
    ),
    # letters
    Fault(
        "an expired job is buried",
        "endings",
        '    keep_failed(s, q, now, job_id, "expired", mark)\n',
        '    bury(s, q, job_id, "expired")\n    keep_failed(s, q, now, job_id, "expired", mark)\n',
    ),
    Fault("a letter is taken twice", "inbox", "if letter.ordinal <= taken:", "if letter.ordinal < taken:"),
    Fault("a gap of letters is accepted", "inbox", "if letter.ordinal > taken + 1:", "if letter.ordinal > taken + 2:"),
    Fault("a replayed letter stays", "inbox", "    erase(s, q, now, events_keep, job_id, row)\n", ""),
    Fault("a delivered letter is kept", "letters", "    s.zrem_many(outbox_key(q), sequences)\n", ""),
    # administration
    Fault(
        "clean ignores the grace",
        "administration",
        "s.zdue(ended_key(q, state), ended_before, min",
        "s.zdue(ended_key(q, state), now, min",
    ),
    Fault(
        "drain removes newer jobs",
        "administration",
        'row.ordering_key == "" and place_of(pick.score) <= marks.ready',
        'row.ordering_key == ""',
    ),
    Fault("drain removes newer members", "administration", "if row.turn <= marks.turn:", "if row.turn > 0:"),
    Fault(
        "the retry of many retries newer failures",
        "administration",
        (
            "        if number(take(member, MARK_DIGITS)) <= marks.mark:\n"
            "            job_id = drop(member, MARK_DIGITS)\n"
            "            row = s.read(job_key(q, job_id), PlaceRow)\n"
            "            retry_job"
        ),
        (
            "        if marks.mark >= 0:\n"
            "            job_id = drop(member, MARK_DIGITS)\n"
            "            row = s.read(job_key(q, job_id), PlaceRow)\n"
            "            retry_job"
        ),
    ),
    Fault(
        "a queue with jobs is forgotten",
        "administration",
        "    if has_jobs(s, q, meta):\n        return False\n",
        "",
    ),
    # explain
    Fault("explain forgets the turn", "explaining", "    if len(ahead) > 0:", "    if len(ahead) > 99:"),
    Fault(
        "explain forgets the tokens",
        "explaining",
        "        if bucket.tokens < cost:",
        "        if bucket.tokens < 0:",
    ),
    Fault(
        "explain forgets the pause of a group",
        "explaining",
        "    if group.paused_until > now:",
        "    if group.paused_until < 0:",
    ),
    Fault(
        "explain forgets global concurrency",
        "explaining",
        "if meta.global_concurrency > 0 and s.zcard",
        "if meta.global_concurrency < 0 and s.zcard",
    ),
]
