"""Every key of a queue. `q` is the queue's root, `glide:{name}`: one hash tag, one cluster slot.

| key | type | what it holds |
| --- | --- | --- |
| `:meta` | hash | FORMAT, flags, sequences, due moments (see `rows.Meta`) |
| `:id` | counter | the last id given by the counter |
| `:job:<id>` | hash | one job; only what differs from the default |
| `:logs:<id>` | list | the lines of one job's log |
| `:ready` | sorted set | id by run order: all that may be picked, in every lane |
| `:scheduled` | sorted set | mark + id by due moment: delayed jobs |
| `:active` | sorted set | mark + id by the end of the lease |
| `:leases` | hash | the leases of active plain jobs, by id (see `leases`) |
| `:expiring` | sorted set | mark + id by the moment its TTL has passed; never an active job |
| `:completed` `:failed` | sorted set | mark + id by the moment of the end |
| `:retained` | sorted set | mark + id by the moment its age removes it |
| `:events` | stream | the newest events, several an entry (see `Store.xadd`) |
| `:events:last` | counter | the number of the newest event, which outlives all else |
| `:metrics:completed` `:metrics:failed` | hash | ended jobs by minute |
| `:calls` `:calls:old` | hash | replies to producers' calls by token, two generations |
| `:workers` | sorted set | worker by the moment its record dies |
| `:worker:<w>` | hash | the last call on a worker's line and its reply (see `rows.WorkerRow`); each line is a `<w>` |
| `:groups` | sorted set | ordering key by the order in which its group came to be |
| `:group:<key>` | hash | a group's limits and state (see `rows.GroupRow`) |
| `:groupq:<key>` | sorted set | id by priority and turn: the group's waiting jobs, its head included |
| `:turns:<key>` | sorted set | id by turn: the group's waiting and delayed jobs |
| `:ratelimited` | sorted set | ordering key by the moment its group must be looked at again |
| `:limiters` | sorted set | `max:duration` of worker limiters by the end of the window |
| `:limiter:<max:duration>` | hash | the open window of one worker limiter |
| `:dedup:<id>` | hash | jobs that exist under a deduplication id, and the last acceptance |
| `:deduping` | sorted set | deduplication id by the end of its window |
| `:outbox` | sorted set | letters to other queues that are not delivered, by sequence |
| `:letter:<n>` | hash | one such letter (see `rows.LetterRow`) |
| `:sent` | hash | letters ever written, by target; all of them, under the empty name |
| `:inbox` | hash | the last letter taken, by source |
| `:waiting-children` | sorted set | mark + id by the moment it began to wait for its children |
| `:children:<id>` | sorted set | a parent's children (their root keys and ids) in the order of the flow |
| `:outcomes:<id>` | hash | what became of a parent's children, by child (see `families`) |
| `:freed` | sorted set | id by the moment nothing held it in waiting-children any more |
| `:held:<id>` | hash | a job of a flow that is reserved and not yet committed; nobody sees it |
| `:reservations` | sorted set | flow by the moment its reservation is in doubt |
| `:reservation:<flow>` | hash | what is reserved for a flow (see `rows.ReservationRow`) |
| `:flows` | hash | letters of a committed flow that are not acknowledged, by flow |
| `:schedulers` | sorted set | name of a job scheduler by its next run |
| `:scheduler:<name>` | hash | one job scheduler (see `rows.SchedulerRow`) and its template |
| `:scheduler-names` | sorted set | all schedulers, in the order in which they were added |
| `:unplanned` | sorted set | cron schedulers whose following run is not known yet |
| `:answers:<waiter>` | hash | answers to those who wait for the end of a job, by the number of the wait |
| `:answering` | sorted set | `waiter:number` by the moment at which its answer is dropped |
| `:reply:<waiter>` | list | at most one token: answers wait to be fetched |
| `:wake` | list | at most one token: some idle worker should look |
| `:control:<w>` | list | messages to one worker |
"""


def meta_key(q: str) -> str:
    return q + ":meta"


def id_key(q: str) -> str:
    return q + ":id"


def job_key(q: str, job_id: str) -> str:
    return q + ":job:" + job_id


def logs_key(q: str, job_id: str) -> str:
    return q + ":logs:" + job_id


def keys_of_job(q: str, job_id: str) -> list[str]:
    """All that goes with a job."""
    return [job_key(q, job_id), logs_key(q, job_id), children_key(q, job_id), outcomes_key(q, job_id)]


def ready_key(q: str) -> str:
    return q + ":ready"


def scheduled_key(q: str) -> str:
    return q + ":scheduled"


def active_key(q: str) -> str:
    return q + ":active"


def leases_key(q: str) -> str:
    return q + ":leases"


def expiring_key(q: str) -> str:
    return q + ":expiring"


def ended_key(q: str, state: str) -> str:
    """`:completed` or `:failed`."""
    return q + ":" + state


def retained_key(q: str) -> str:
    return q + ":retained"


def events_key(q: str) -> str:
    return q + ":events"


def metrics_key(q: str, state: str) -> str:
    return q + ":metrics:" + state


def calls_key(q: str) -> str:
    return q + ":calls"


def old_calls_key(q: str) -> str:
    return q + ":calls:old"


def workers_key(q: str) -> str:
    return q + ":workers"


def worker_key(q: str, worker: str) -> str:
    return q + ":worker:" + worker


def wake_key(q: str) -> str:
    return q + ":wake"


def control_key(q: str, worker: str) -> str:
    return q + ":control:" + worker


def groups_key(q: str) -> str:
    return q + ":groups"


def group_key(q: str, key: str) -> str:
    return q + ":group:" + key


def group_queue_key(q: str, key: str) -> str:
    return q + ":groupq:" + key


def turns_key(q: str, key: str) -> str:
    return q + ":turns:" + key


def rate_limited_key(q: str) -> str:
    return q + ":ratelimited"


def limiters_key(q: str) -> str:
    return q + ":limiters"


def limiter_key(q: str, limiter: str) -> str:
    return q + ":limiter:" + limiter


def dedup_key(q: str, dedup_id: str) -> str:
    return q + ":dedup:" + dedup_id


def deduping_key(q: str) -> str:
    return q + ":deduping"


def outbox_key(q: str) -> str:
    return q + ":outbox"


def letter_key(q: str, sequence: str) -> str:
    return q + ":letter:" + sequence


def sent_key(q: str) -> str:
    return q + ":sent"


def inbox_key(q: str) -> str:
    return q + ":inbox"


def waiting_children_key(q: str) -> str:
    return q + ":waiting-children"


def children_key(q: str, job_id: str) -> str:
    return q + ":children:" + job_id


def outcomes_key(q: str, job_id: str) -> str:
    return q + ":outcomes:" + job_id


def freed_key(q: str) -> str:
    return q + ":freed"


def held_key(q: str, job_id: str) -> str:
    return q + ":held:" + job_id


def reservations_key(q: str) -> str:
    return q + ":reservations"


def reservation_key(q: str, flow: str) -> str:
    return q + ":reservation:" + flow


def flows_key(q: str) -> str:
    return q + ":flows"


def schedulers_key(q: str) -> str:
    return q + ":schedulers"


def scheduler_key(q: str, name: str) -> str:
    return q + ":scheduler:" + name


def scheduler_names_key(q: str) -> str:
    return q + ":scheduler-names"


def unplanned_key(q: str) -> str:
    return q + ":unplanned"


def answers_key(q: str, waiter: str) -> str:
    return q + ":answers:" + waiter


def answering_key(q: str) -> str:
    return q + ":answering"


def reply_key(q: str, waiter: str) -> str:
    return q + ":reply:" + waiter
