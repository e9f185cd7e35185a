"""Faults of flows, one at a time."""

from .faults import Fault

FLOWS = [
    Fault("a child counts twice", "families", "held = before is None or before == FAILED_OUTCOME", "held = True"),
    Fault("a failed child counts as done", "families", "        holds = True\n", ""),
    Fault("a retried child counts for nothing", "families", "held = before is None or before == FAILED_OUTCOME", "held = before is None"),
    Fault("a removed child holds its parent", "families", "    elif news == REMOVED_NEWS or (news == LOST_NEWS and row.on_child_failure == \"\"):\n", "    elif news == LOST_NEWS and row.on_child_failure == \"\":\n"),
    Fault("a failure that is not kept holds its parent", "families", 'news == REMOVED_NEWS or (news == LOST_NEWS and row.on_child_failure == "")', "news == REMOVED_NEWS"),
    Fault("an ignored child holds its parent", "families", "    elif row.on_child_failure == IGNORE:\n", '    elif row.on_child_failure == "never":\n'),
    Fault("a parent never fails with its child", "families", "        if row.on_child_failure == FAIL:\n", '        if row.on_child_failure == "never":\n'),
    Fault("only the last child's news counts", "families", "    if row.children_left == 0 or row.child_failure", "    if row.children_left >= 0 or row.child_failure"),
    Fault("a freed parent is no due moment", "families", "        s.zadd(freed_key(q), now, parent_id)\n        lower_next_due(s, q, now)\n", "        s.zadd(freed_key(q), now, parent_id)\n"),
    Fault("only the first parent is told", "families", '    for parent in split(parents, "\\n"):', '    for parent in split(parents, "\\n")[:1]:'),
    Fault("news for another queue stays here", "families", "        if root == q:\n", "        if root != \"\":\n"),
    Fault("a completed child tells nobody", "endings", "    tell_parents(s, q, now, held.parents, job_id, COMPLETED_NEWS, value)\n", ""),
    Fault("an erased child tells nobody", "changes", '    tell_parents(s, q, now, row.parents, job_id, REMOVED_NEWS, "")\n', ""),
    Fault("a freed parent stays in freed", "parents", "        s.zrem(freed_key(q), job_id)  # one by one: the failure of one may put another in again\n", ""),
    Fault("a parent keeps its turn while it waits", "parents", "        join_turns(s, q, row.ordering_key, job_id)\n", ""),
    Fault("a parent forgets its delay", "parents", "    if parent.processed_on == 0 and due > now:", "    if parent.processed_on == 0 and due > due:"),
    Fault("a taken id is used again", "flows", "        if spec.job_id != \"\" and is_taken(s, q, spec.job_id):\n            return spec.job_id\n", "        pass\n"),
    Fault("a flow is committed after its deadline", "flows", "    if len(others) > 0 and now > deadline:\n        refuse(Code.LATE)\n", ""),
    Fault("a committed flow is not remembered", "flows", "        s.hincrby(flows_key(q), flow, len(others))\n", ""),
    Fault("a flow that may still come is given up", "flows", "return ABORTED if now > deadline else UNDECIDED", "return ABORTED"),
    Fault("a reservation stays after its flow came", "flows", "        appear(s, q, now, keep, job_id)\n    forget_reservation(s, q, flow)", "        appear(s, q, now, keep, job_id)"),
    Fault("what was given up stays", "flows", "        s.delete([held_key(q, job_id), children_key(q, job_id), outcomes_key(q, job_id)])\n", "        s.delete([])\n"),
]  # fmt: skip
"""Each is a rule of FLW-1 to FLW-5 that is broken."""

SEEN_BY_HISTORIES = (
    "a child counts twice", "a failed child counts as done", "a retried child counts for nothing",
    "only the first parent is told", "news for another queue stays here", "a completed child tells nobody",
    "a freed parent stays in freed", "a committed flow is not remembered",
)  # fmt: skip
"""Those that random graphs must find by themselves, whatever the tables say."""
