"""Faults to plant, one at a time. Each is a change of the text of one module, or of the generated library.

The old text must be there, once: a fault that no longer fits the source fails its test instead of proving nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    module: str
    """A module of the semantics, or `library`."""
    old: str
    new: str


def plant(text: str, fault: Fault) -> str:
    """The text with the fault in it."""
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: {fault.module} has {fault.old!r} {text.count(fault.old)} times, expected once")
    return text.replace(fault.old, fault.new)


SEMANTICS = [
    # run order
    Fault("no priority goes first", "lanes", "return CLASS_NONE if priority == 0", "return 0 if priority == 0"),
    Fault("LIFO runs oldest first", "lanes", "PLACES + PLACES - 1 - sequence", "PLACES + sequence"),
    Fault("FIFO runs newest first", "lanes", "PLACES + sequence", "PLACES + PLACES - 1 - sequence"),
    Fault("FIFO and LIFO share a lane", "lanes", "(rank * 2 + 1) * PLACES", "(rank * 2) * PLACES"),
    Fault("a changed priority swaps the lane", "lanes", "* 2 + 1 - lifo) * PLACES", "* 2 + lifo) * PLACES"),
    Fault("a changed priority does not move", "changes", "if score is not None:", "if score is None:"),
    Fault("equal moments are ordered by id", "lang", 'f"{sequence:016d}"', 'f"{0:016d}"'),
    Fault('a stalled job goes to the end', 'placing', 's.zadd(ready_key(q), row.place, job_id)', 's.zadd(ready_key(q), row.place + 1, job_id)'),
    # delays and deadlines
    Fault('a job is due a millisecond late', 'deadlines', 'return due > 0 and now >= due', 'return due > 0 and now > due'),
    Fault("a delay is a millisecond long", "jobs", "delayed_until.append(now + delay)", "delayed_until.append(now + delay - 1)"),
    Fault("the deadline itself is late", "endings", "now > row.expire_at", "now >= row.expire_at"),
    Fault("a new job expires at its deadline", "jobs", "expiring_at.append(now + ttl + 1)", "expiring_at.append(now + ttl)"),
    Fault('a returned job expires at its deadline', 'placing', 'zadd(expiring_key(q), expire_at + 1,', 'zadd(expiring_key(q), expire_at,'),
    Fault("an active job is watched for expiry", "work", 's.zrem(expiring_key(q), pad(lookup_int(fields, "expiry_mark", 0)) + job_id)', "pass"),
    Fault("a returned job is not watched for expiry", "due", "        watch_expiry(s, q, job_id, row.expire_at, row.expiry_mark)", "        pass"),
    Fault('a stalled job that expired runs again', 'due', ' and not has_expired(row, now):', ':'),
    Fault("a retried job keeps its old deadline", "changes", "s.hset(job, expire_at=now + row.ttl, expiry_mark=mark)", "pass"),
    Fault('a promoted job stays in scheduled', 'changes', '    leave_waiting(s, q, job_id, row)\n    make_ready(s, q, job_id, row)\n    refresh_group(s, q, now, events_keep, row.ordering_key)\n    emit(s, q, now, events_keep, "promoted", job_id)', '    make_ready(s, q, job_id, row)\n    refresh_group(s, q, now, events_keep, row.ordering_key)\n    emit(s, q, now, events_keep, "promoted", job_id)'),
    # due moments
    Fault('delays are forgotten as due moments', 'due', '        active_key(q),\n        scheduled_key(q),\n', '        active_key(q),\n'),
    Fault('a new lease is no due moment', 'work', 'return Starts(started, earliest(ends), took_all)', 'return Starts(started, 0, took_all)'),
    Fault('a returned deadline is no due moment', 'settling', '        lower_next_due(s, q, row.expire_at + 1)\n    if settlement', '    if settlement'),
    Fault("a backoff is no due moment", "settling", "        lower_next_due(s, q, due)\n", ""),
    Fault("an age is no due moment", "endings", "        lower_next_due(s, q, now + age_ms)\n", ""),
    Fault('the later due moment wins', 'deadlines', 'if due > 0 and at >= due:', 'if due > 0 and at < due:'),
    Fault('starts while something is due', 'work', 'if want > 0 and not more:', 'if want > 0:'),
    # attempts
    Fault("one attempt too many", "retries", "row.attempts_made + 1 < row.attempts", "row.attempts_made + 1 <= row.attempts"),
    Fault("backoff doubles once too often", "retries", "doubling >= row.attempts_made", "doubling > row.attempts_made"),
    Fault("jitter may exceed the bound", "retries", "return min(delay + spread * detail.fraction // FRACTIONS, longest)",
          "return delay + spread * detail.fraction // FRACTIONS"),
    Fault("a final failure is retried", "settling", "if detail.final or not attempts_remain(attempt)", "if not attempts_remain(attempt)"),
    Fault("a retried job keeps its attempts", "changes", '["attempts_made", "failed_reason"', '["failed_reason"'),
    Fault("success keeps the old failure", "endings", '            s.hdel(key, ["failed_reason", "stacktrace"])', "            pass"),
    Fault("any job may be retried", "changes", "    if row.state != FAILED:\n        return WRONG_STATE", "    if row.state == ACTIVE:\n        return WRONG_STATE"),
    # leases and fencing
    Fault("no fencing of settlements", "settling", "if held.state != ACTIVE or held.token != settlement.token:", "if held.state != ACTIVE:"),
    Fault("no fencing of extensions", "work", "if held.state == ACTIVE and held.token == tokens[i]:", "if held.state == ACTIVE:"),
    Fault("no fencing of writes", "changes", 'if token != "" and (row.state != ACTIVE or row.token != token):', 'if token != "" and row.state != ACTIVE:'),
    Fault("a settled job keeps its lease", "settling", "    left.append(pad(held.mark) + job_id)\n", ""),
    Fault("a lost lease is kept", "due", "    s.zrem_many(active_key(q), lost)\n", ""),
    Fault("one stall too few", "due", "if row.stalled_count + 1 > stalled_max:", "if row.stalled_count + 1 >= stalled_max:"),
    Fault("a job's own lease is ignored", "work", 'lookup_int(fields, "lock_duration", caller.lease_ms)', "caller.lease_ms"),
    Fault("an extension is lost", "work", "            s.zadd(active_key(q), now + lease_ms[i], pad(held.mark) + job_ids[i])\n", ""),
    # the leases of plain jobs
    Fault("no fencing of plain jobs", "leases", 'return lease != "" and token_of(lease) == token', 'return lease != ""'),
    Fault("a token is any that begins like it", "leases", "token_of(lease) == token", "take(token_of(lease), len(token)) == token"),
    Fault("a token is any of its worker", "leases", "token_of(lease) == token", "line_of(token_of(lease)) == line_of(token)"),
    Fault("no token is one for a job without a lease", "leases", 'return lease != "" and token_of(lease) == token', "return token_of(lease) == token"),
    Fault("a plain job completes twice in a call", "leases", "    if s.hdel(leases_key(q), taken) == len(taken):", "    s.hdel(leases_key(q), taken)\n    if len(taken) > 0:"),
    Fault("a plain job that fails has no lease", "settling", "            give_lease(s, q, settlement.job_id, leases[i])\n", ""),
    Fault("a plain job that stalls was never active", "due", "    own_leases(s, q, stalled)\n", ""),
    Fault("a plain job cannot be extended", "work", "    own_leases(s, q, job_ids)\n", ""),
    Fault("a repeated call hands out no plain job", "work", "    own_leases(s, q, ids)\n", ""),
    Fault("a change of a plain job sees it waiting", "leases", "    own_leases(s, q, [job_id])\n", ""),
    Fault("a wait for a plain job is not answered", "answers", "    own_leases(s, q, [job_id])\n", ""),
    Fault("a plain job has no children", "flows", "    own_leases(s, q, [parent_id])\n", ""),
    Fault("a plain job that runs is shown as waiting", "reads", "with_lease(s.hgetall(job_key(q, job_id)), s.hmget(leases_key(q), [job_id])[0])", "s.hgetall(job_key(q, job_id))"),
    Fault("plain jobs that run are listed as waiting", "reads", "with_lease(s.hgetall(job_key(q, job_id)), leases[i])", "s.hgetall(job_key(q, job_id))"),
    Fault("a plain job that runs is explained as waiting", "explaining", 'if lease != "" or state == ACTIVE:', "if state == ACTIVE:"),
    Fault("an obliterated plain job keeps its lease", "administration", "row = read_place(s, q, job_id)", "row = s.read(job_key(q, job_id), PlaceRow)"),
    Fault("all listed jobs have the lease of the first", "reads", "s.hgetall(job_key(q, job_id)), leases[i])", "s.hgetall(job_key(q, job_id)), leases[0])"),
    Fault("a worker is told on its first line only", "changes", 'notify(s, q, line_of(row.token), "revoked:" + job_id)', 'notify(s, q, line_of(row.token).partition(".")[0], "revoked:" + job_id)'),
    Fault("a repeated call says nothing of letters", "work", "errands.unplanned, errands.letters, 0", "errands.unplanned, False, 0"),
    Fault("a plain job forgets when it started", "settling", "processed_on=start, ", ""),
    # letters
    Fault("a dead letter forgets its compression", "letters", 'if compression != "":', 'if compression == "none":'),
    Fault("a replayed job forgets its compression", "inbox", 'if compression != "":', 'if compression == "none":'),
    # answers
    Fault("a removed job answers nobody", "changes", '        answer_waits(s, q, now, job_id, waits, FAILED_ANSWER + "removed")', "        pass"),
    Fault("a failure answers nobody", "endings", "    answer_waits(s, q, now, job_id, row.waits, FAILED_ANSWER + reason)\n", ""),
    Fault("a result answers nobody", "endings", "    answer_waits(s, q, now, job_id, held.waits, COMPLETED_ANSWER + value)\n", ""),
    Fault("who is late is answered", "answers", "        if added_at + number(parts[2]) > now:\n            s.hset_value", "        if added_at > 0:\n            s.hset_value"),
    Fault("a wait that is over stays", "answers", "if not repeated and row.added + number(parts[2]) > now:", "if not repeated:"),
    Fault("a repeated wait waits twice", "answers", "if not repeated and row.added", "if row.added"),
    Fault("a wait counts from the beginning of the job", "answers", "now + duration + ANSWER_KEPT_MS - row.added", "duration + ANSWER_KEPT_MS"),
    Fault("an answer is no due moment", "answers", "            lower_next_due(s, q, now + ANSWER_KEPT_MS)\n", ""),
    Fault("a waiter is called for each answer", "answers", "if s.llen(reply_key(q, parts[0])) == 0:", "if True:"),
    Fault("nobody is called", "answers", "            s.rpush(reply_key(q, parts[0]), ANSWERED)\n", "            pass\n"),
    Fault("an old answer stays", "answers", "        drop_answer(s, q, parts[0], parts[1])\n", ""),
    Fault("a call outlives its answers", "answers", "        s.delete([reply_key(q, waiter)])", "        pass"),
    # job schedulers
    Fault("every missed run fires", "schedulers", "row.next_run + ((now - row.next_run) // max(1, row.every) + 1) * row.every", "row.next_run + row.every"),
    Fault("an interval drifts", "schedulers", "row.next_run + ((now - row.next_run) // max(1, row.every) + 1) * row.every", "now + row.every"),
    Fault("no run at the end itself", "timetable", "at > row.end_date", "at >= row.end_date"),
    Fault("one run beyond the limit", "schedulers", "row.iteration_count + 1 >= row.limit", "row.iteration_count >= row.limit"),
    Fault("a stale plan is taken", "schedulers", "    elif row.fired_at == run.after and run.next_run != run.after:", "    else:"),
    Fault("the plan of a run that has fired is taken", "schedulers", " and run.next_run != run.after:", ":"),
    Fault("a following run that has passed is taken", "schedulers", "if row.following > now:", "if row.following > 0:"),
    Fault("a failure does not re-arm", "endings", "    job_ended(s, q, now, row.scheduler_name, job_id)\n", ""),
    Fault("a removal does not re-arm", "changes", "    job_ended(s, q, now, row.scheduler_name, job_id)\n", ""),
    Fault("any job re-arms", "timetable", " or row.in_flight != job_id:", ":"),
    Fault("a next run is no due moment", "timetable", "    lower_next_due(s, q, at)\n", ""),
    Fault("an upsert overlaps", "schedulers", 'waits = spec.mode == AFTER and old.in_flight != ""', "waits = False"),
    Fault("an upsert moves the next run", "schedulers", "    goes_on = is_same_schedule(old, spec)\n", "    goes_on = False\n"),
    Fault("options of an old template stay", "schedulers", "    forget_template(s, key)\n", ""),
    Fault("a removed scheduler is listed", "timetable", "    s.zrem(scheduler_names_key(q), name)\n", ""),
    Fault("a removed scheduler still fires", "timetable", "    s.zrem(schedulers_key(q), name)\n", ""),
    Fault("runs share an id", "schedulers", "    s.set_count(id_key(q), next_id)\n", ""),
    # calls
    Fault("a repeated call settles twice", "work", "if caller.call == last.call:", "if caller.call == last.call - 1:"),
    Fault("a late call is answered", "work", "if caller.call < last.call:", "if caller.call < 0:"),
    Fault("a repetition hands out what is lost", "work", "if held.state == ACTIVE and held.token == token:", "if held.state == ACTIVE:"),
    Fault("the old generation of calls is forgotten", "calls", "        return s.hget(old_calls_key(q), call)", "        return None"),
    Fault("a producer's call is not remembered", "jobs", '    remember(s, q, now, meta.calls_until, call, reply)\n', ""),
    # retention
    Fault("one job too many is kept", "endings", "s.zcard(ended_key(q, state)) - count\n", "s.zcard(ended_key(q, state)) - count - 1\n"),
    Fault("the newest are removed", "endings", "s.zrange(ended_key(q, state), 0, min(excess, TRIM_MAX) - 1)", "s.zrange(ended_key(q, state), -min(excess, TRIM_MAX), -1)"),
    Fault("a trim is not bounded", "endings", "0, min(excess, TRIM_MAX) - 1", "0, excess - 1"),
    Fault("a larger count replaces an owed one", "endings", "if owed.trim_completed == 0 or count + 1 < owed.trim_completed:", "if count >= 0:"),
    Fault("logs outlive their job", "endings", "        for key in keys_of_job(q, job_id):\n", "        for key in keys_of_job(q, job_id)[:1]:\n"),
    Fault("a job to be removed is kept", "endings", "if held.remove_on_complete == 1:", "if held.remove_on_complete == 2:"),
    # events and metrics
    Fault("one event too many is kept", "events", "s.xadd(events_key(q), keep, now, event, job_id, [])", "s.xadd(events_key(q), keep + 1, now, event, job_id, [])"),
    Fault("a value at the limit is left out", "events", "    if byte_length(value) > EVENT_VALUE_MAX:", "    if byte_length(value) >= EVENT_VALUE_MAX:"),
    Fault("an expiry is announced as a failure", "endings", 'emit(s, q, now, keep, "expired", job_id)', 'emit_with(s, q, now, keep, "failed", job_id, "failed_reason", "expired")'),
    Fault('drained while a job is active', 'drains', 'if s.zcard(ready_key(q)) > 0 or s.zcard(active_key(q)) > 0 or', 'if s.zcard(ready_key(q)) > 0 or'),
    Fault("an end counts in the next minute", "metrics", "minute = now // MINUTE_MS", "minute = (now + 1) // MINUTE_MS"),
    Fault("a minute is kept too long", "metrics", "MINUTE_MS + METRICS_KEPT_MS <= now", "MINUTE_MS + METRICS_KEPT_MS < now"),
    # pause and wakes
    Fault('pause is ignored', 'gates', 'if meta.paused == 1:', 'if meta.paused == 2:'),
    Fault('adding wakes nobody', 'jobs', '        wake_if_startable(s, q, now)\n', ''),
    Fault('a paused queue wakes', 'wakes', 'if queue_lets_start(s, q, now, meta, 1) > 0:', 'if queue_lets_start(s, q, now, meta, 1) >= 0:'),
    Fault('what is left wakes nobody', 'work', 'if len(started) + len(settlements) + swept.readied + swept.failed > 0', 'if len(settlements) + swept.readied + swept.failed > 0'),
    Fault('what becomes ready wakes nobody', 'work', 'if len(started) + len(settlements) + swept.readied + swept.failed > 0', 'if len(started) > 0'),
    Fault('resuming wakes nobody', 'changes', '"resumed", "")\n    wake_if_startable(s, q, now)', '"resumed", "")'),
    Fault('a nearer due moment wakes nobody', 'wakes', '        reset_timer(s, q)\n\n\ndef reset_timer', '        pass\n\n\ndef reset_timer'),
    Fault("two tokens at once", "wakes", "if s.llen(wake_key(q)) == 0:\n        s.rpush", "if s.llen(wake_key(q)) <= 1:\n        s.rpush"),
    Fault("two tokens for what was added", "wakes", "if s.llen(wake_key(q)) == 0:\n        wake_unless_held", "if s.llen(wake_key(q)) <= 1:\n        wake_unless_held"),
    Fault("adding plain jobs wakes nobody", "jobs", "        wake_for_ready(s, q, now, meta)\n", ""),
    Fault("what a call cannot take wakes nobody", "work", "took_all = len(picked) < wanted", "took_all = len(picked) <= wanted"),
    Fault("what is too much for a reply wakes nobody", "work", "                again = False\n                took_all = False\n", "                again = False\n"),
    Fault("nobody keeps the timer", "wakes", "            s.hdel(meta_key(q), [\"timer_backup\"])\n        return due", "            s.hdel(meta_key(q), [\"timer_backup\"])\n        return 0"),
    Fault("a worker leaves with its timer", "work", 's.hdel(meta_key(q), ["timer_due", "timer_worker", "timer_backup"])', "pass"),
    Fault("a dead worker is told", "wakes", "    if s.exists(worker_key(q, worker)):\n        s.rpush", "    if True:\n        s.rpush"),
    Fault('a worker of a removed job is not told', 'changes', '        notify(s, q, line_of(row.token), "lost:" + job_id)', '        pass'),
    # jobs and formats
    Fault('a known id is taken twice', 'jobs', 'elif job_id != superseded and is_taken(s, q, job_id):', 'elif len(job_id) > 999:'),
    Fault("the counter meets a custom id", "jobs", "last_id = max(last_id, number(job_id))", "pass"),
    Fault("a padded id raises the counter", "lang", ' and value[0] != "0"', ""),
    Fault('a removed job may expire', 'placing', '    leave_expiring(s, q, job_id, row)\n', '    return\n'),
    Fault("another format is overwritten", "formats", "return meta.format != FORMAT and meta.format != 0", "return meta.format > 99"),
    Fault('a large first payload starts nothing', 'work', 'if payload > REPLY_BYTES_MAX and len(started) > 0:', 'if payload > REPLY_BYTES_MAX:'),
    Fault("a page has one job too many", "reads", "    last = start + PAGE_MAX - 1\n    if stop >= 0:\n        last = min(last, stop)\n    entries", "    last = start + PAGE_MAX\n    if stop >= 0:\n        last = min(last, stop)\n    entries"),
    Fault("a silent worker is kept for ever", "due", "    s.zrem_many(workers_key(q), workers)\n", ""),
]  # fmt: skip

LIBRARY = [
    Fault("numbers lose their leading zeros", "library", "string.format('%013d', (n - low) / 1000)", "string.format('%d', (n - low) / 1000)"),
    Fault("a joined text loses its last part", "library", "from = at and at + 1", "from = at and at < #text - 2 and at + 1"),
    Fault("a flag is the other way round", "library", "R.wrong('BOOL', value) end return value end", "R.wrong('BOOL', value) end return not value end"),
    Fault("many fields lose one a thousand", "library", "math.min(from + 999, #fields)", "math.min(from + 998, #fields)"),
    Fault("the second thousand of fields overwrites the first", "library", "values[from + i - 1] = part[i]", "values[i] = part[i]"),
    Fault("a field that is missing is none", "library", "values[from + i - 1] = part[i] or ''", "values[from + i - 1] = part[i]"),
    Fault("long lists lose an item a thousand", "library", "math.min(from + 999, #items)", "math.min(from + 998, #items)"),
    Fault("a padded id is canonical", "library", "'^[1-9]%d*$'", "'^%d+$'"),
    Fault("a missing score is zero", "library", "call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])", "call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or 0)"),
    Fault("the first member is left out", "library", "for i = 1, #members do pairs", "for i = 2, #members do pairs"),
    Fault("a score is that of the next", "library", "score = tonumber(reply[i + 1])", "score = tonumber(reply[i + 3] or 0)"),
    Fault("the newest event is always the first", "library", "tonumber(call('GET', R.write(q .. ':events') .. ':last') or 0)", "math.min(1, tonumber(call('GET', R.write(q .. ':events') .. ':last') or 0))"),
    Fault("events from one too early", "library", "if n > from and", "if n >= from and"),
    Fault("an entry is numbered by its first event", "library", "'0-' .. R.text(to), keep", "'0-' .. R.text(before + 1), keep"),
    Fault("numbers of events are left out", "library", "local last = call('INCRBY', key .. ':last', size)", "local last = call('INCRBY', key .. ':last', size * 2)"),
    Fault("a list begins at the second item", "library", "call('ZADD', q .. ':active', now + lease_ms[i + 1],", "call('ZADD', q .. ':active', now + lease_ms[1],"),
    Fault("a skipped turn is made", "library", "        ids[#ids + 1] = ':'\n        __skip2 = true", "        ids[#ids + 1] = ':'\n        __skip2 = false"),
    Fault("a range ends one early", "library", "math.min(excess, 100) - 1", "math.min(excess, 100) - 2"),
    Fault("an id keeps a digit of its mark", "library", "    stalled[#stalled + 1] = string.sub(member, 17)", "    stalled[#stalled + 1] = string.sub(member, 16)"),
    Fault("a job that is not there has a name", "library", "name = v[1] or '', state = v[2] or '', mark", "name = v[1] or 'n', state = v[2] or '', mark"),
    Fault("division is not floored", "library", "math.floor(now / 60000)", "(now / 60000)"),
]  # fmt: skip
