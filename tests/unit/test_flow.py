"""Flows as they are written: what is refused when it is built, the patterns, the plan, the printed tree."""

from typing import Any

import pytest

from glidemq_pb import (
    ClosedError,
    DagNode,
    DuplicateJobError,
    FlowJob,
    FlowNode,
    FlowProducer,
    InvalidOptionsError,
    InvalidStateError,
    Job,
    JobNotFoundError,
    NewJob,
    Ordering,
    Queue,
    QueueConnectionError,
    chain,
    chord,
    group,
)
from glidemq_pb.flow_plan import find_cycle
from tests.unit.components import CountingBackend, FakeWorker, Reversed


@pytest.fixture
def backend() -> CountingBackend:
    return CountingBackend()


@pytest.fixture
def flow(backend: CountingBackend) -> FlowProducer:
    return FlowProducer(backend=backend)


def job(name: str, *children: FlowJob, **options: Any) -> FlowJob:
    return FlowJob(name, queue_name=options.pop("queue_name", "q"), children=children, **options)


def shape(flow_job: FlowJob) -> Any:
    """A tree as nested lists of names."""
    return [flow_job.name, *map(shape, flow_job.children)]


# --- FlowJob and DagNode ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": ""}, "name=''"),
        ({"queue_name": "a:b"}, "queue_name='a:b'"),
        ({"children": ["x"]}, "children: 'x': allowed: a FlowJob"),
        ({"delay": 1.5}, "delay=1.5"),
        ({"job_id": "a:b"}, "job_id='a:b'"),
        ({"on_child_failure": "stop"}, "on_child_failure='stop': allowed: 'wait', 'fail', 'ignore'"),
        ({"parent": "x"}, "parent: not allowed in a flow"),
        ({"lifo": True, "ordering": Ordering("g")}, "lifo and ordering.key cannot be used together"),
        ({"nonsense": 1}, "nonsense=1: no such option"),
    ],
)
def test_a_bad_flow_job_is_refused_when_it_is_built(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        FlowJob(**{"name": "a", "queue_name": "q"} | arguments)
    assert str(refused.value).startswith(told)
    if "children" not in arguments:
        with pytest.raises(InvalidOptionsError) as refused:
            DagNode(**{"name": "a", "queue_name": "q"} | arguments)
        assert str(refused.value).startswith(told)


def test_flow_jobs_compare_by_value() -> None:
    assert job("a", job("b"), delay=5, on_child_failure="wait") == job("a", job("b"), delay=5)
    assert job("a", job("b")) != job("a", job("c"))
    assert job("a", queue_name="r") != job("a")
    assert job("a", job("b"), job_id="x").with_children([job("c")]) == job("a", job("c"), job_id="x")
    assert DagNode("a", queue_name="q") == DagNode("a", queue_name="q", key="a", deps=[])


def test_a_flow_job_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        job("a").name = "b"  # type: ignore[misc]


# --- patterns --------------------------------------------------------------------------------------------------------


def test_a_chain_runs_its_steps_one_after_the_other() -> None:
    assert shape(chain(job("a"), job("b"), job("c"))) == ["c", ["b", ["a"]]]
    assert shape(chain(job("a"))) == ["a"]
    assert shape(chain(group(job("a"), job("b")), job("c"), job("d"))) == ["d", ["c", ["a"], ["b"]]]
    assert shape(chain(job("a"), chain(job("b"), job("c")), job("d"))) == ["d", ["c", ["b", ["a"]]]]
    last = chain(*(job(str(number)) for number in range(1000)))
    for number in range(999, 0, -1):
        assert last.name == str(number)
        [last] = last.children


def test_a_chord_runs_its_callback_when_all_are_done() -> None:
    assert shape(chord([job("a"), job("b")], job("c"))) == ["c", ["a"], ["b"]]
    assert shape(chord(group(job("a")), job("c", job("z")))) == ["c", ["z"], ["a"]]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((), "chain: ends with 0 jobs"),
        ((group(job("a"), job("b")),), "chain: ends with 2 jobs"),
        ((job("a"), group(job("b"))), "chain: step 1="),
        ((job("a"), chord([job("b"), job("c")], job("d"))), "chain: 'd' begins with several jobs"),
        (("a",), "group: 'a': allowed: a FlowJob"),
    ],
)
def test_what_is_no_chain_is_refused(steps: Any, told: str) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        chain(*steps)
    assert str(refused.value).startswith(told)


def test_a_callback_is_a_flow_job() -> None:
    with pytest.raises(InvalidOptionsError, match="callback: None"):
        chord([job("a")], None)  # type: ignore[arg-type]


# --- graphs ----------------------------------------------------------------------------------------------------------


def node(name: str, *deps: str, **options: Any) -> DagNode:
    return DagNode(name, queue_name="q", deps=deps, **options)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([node("a", "a")], "deps: a -> a: allowed: no cycle"),
        ([node("a", "c"), node("b", "a"), node("c", "b"), node("d", "c")], "deps: a -> c -> b -> a: allowed"),
        ([node("z", "a"), node("a", "b"), node("b", "a")], "deps: a -> b -> a: allowed"),
        ([node("a"), node("b", "A")], "deps of 'b': 'A': allowed: the keys of other nodes"),
        ([node("a"), node("b", "a", "a")], "deps of 'b': ['a', 'a']: allowed: each key once"),
        ([node("a"), node("a")], "nodes[1]: 'a' is there twice"),
        ([node("a", key="k"), node("b", "a")], "deps of 'b': 'a'"),
        ([node("a"), job("b")], "nodes[1]="),
        ([node(str(number)) for number in range(1001)], "a flow of more than 1000 jobs"),
    ],
)
async def test_a_bad_graph_is_refused_and_nothing_sent(
    flow: FlowProducer, backend: CountingBackend, nodes: list[DagNode], told: str
) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        await flow.add_dag(nodes)
    assert str(refused.value).startswith(told)
    assert backend.calls == []


def test_deps_are_a_list() -> None:
    with pytest.raises(InvalidOptionsError, match="deps='abc'"):
        DagNode("a", queue_name="q", deps="abc")


def test_a_graph_without_cycle_has_none() -> None:
    wide = {str(number): tuple(str(lower) for lower in range(number)) for number in range(60)}
    assert find_cycle(wide) == []
    assert find_cycle({str(number): (str(number + 1),) for number in range(1000)} | {"1000": ()}) == []


async def test_an_empty_graph_is_nothing(flow: FlowProducer, backend: CountingBackend) -> None:
    assert await flow.add_dag([]) == {}
    assert backend.calls == []


# --- what is refused before anything is sent -------------------------------------------------------------------------


async def test_what_a_flow_may_not_be(flow: FlowProducer, backend: CountingBackend) -> None:
    big = "x" * 1_000_000
    for root, told in (
        ("a", "root: 'a': allowed: a FlowJob"),
        (job("a", *(FlowJob("b", big, queue_name="r") for _ in range(9))), "a flow of 9000"),
        (job("a", job("b", ordering=Ordering("g")), job("c", cost=5)), ""),
    ):
        if told:
            with pytest.raises(InvalidOptionsError) as refused:
                await flow.add(root)  # type: ignore[arg-type]
            assert str(refused.value).startswith(told)
    with pytest.raises(InvalidOptionsError, match=r"roots\[1\]: 5: allowed"):
        await flow.add_bulk([job("a"), 5])  # type: ignore[list-item]
    with pytest.raises(DuplicateJobError, match="'x'"):
        await flow.add(job("a", job("b", job_id="x"), job("c", job_id="x")))
    assert backend.calls == []


async def test_one_queue_is_one_call(flow: FlowProducer, backend: CountingBackend) -> None:
    await flow.add(job("a", job("b"), job("c", job("d"))))
    assert backend.calls == ["add_flow"]


async def test_a_refused_flow_of_a_bulk_says_how_many_were_added(flow: FlowProducer) -> None:
    with pytest.raises(DuplicateJobError) as refused:
        await flow.add_bulk([job("a", job_id="x"), job("b"), job("c", job_id="x"), job("d")])
    assert refused.value.__notes__ == ["2 flows before this one were added"]


async def test_after_close_all_raise_closed_error(flow: FlowProducer, backend: CountingBackend) -> None:
    added = await flow.add(job("a"))
    await flow.close()
    await flow.close()
    calls = len(backend.calls)
    for attempt in (
        flow.add(job("a")),
        flow.add_bulk([]),
        flow.add_dag([]),
        flow.get_flow(added),
        flow.connect(),
        added.job.get_state(),
    ):
        with pytest.raises(ClosedError):
            await attempt
    assert len(backend.calls) == calls


async def test_it_is_a_context_manager_with_a_connection_of_its_own() -> None:
    async with FlowProducer(connection="memory://flow-producers") as flow:
        added = await flow.add(job("a"))
    async with Queue[Any, Any]("q", connection="memory://flow-producers") as queue:
        assert await queue.get_job(added.job.id) is not None


# --- when the store cannot be reached --------------------------------------------------------------------------------


def stored_in(backend: CountingBackend) -> set[str]:
    """The kinds of keys that hold something of a flow."""
    kinds = {key.split("}:", 1)[1].split(":")[0] for key in backend.store.dump("")}
    return kinds & {"job", "held", "reservation", "reservations", "children", "ready", "waiting-children", "letter"}


TWO_QUEUES = job("a", job("b", queue_name="r"), job("c", queue_name="s"))


@pytest.mark.parametrize("failing", range(7))
async def test_a_call_that_fails_before_the_commit_leaves_nothing(backend: CountingBackend, failing: int) -> None:
    flow = FlowProducer(backend=backend)
    backend.failures[failing] = QueueConnectionError("here", "gone")
    with pytest.raises(QueueConnectionError):
        await flow.add(TWO_QUEUES)
    if failing < 6:
        assert stored_in(backend) == set()
    else:  # it may have been committed: whoever looks after the other queues asks
        assert stored_in(backend) == {"held", "reservation", "reservations"}


async def test_what_cannot_be_delivered_now_is_left_to_the_workers(
    backend: CountingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    flow = FlowProducer(backend=backend)
    backend.failures[7] = QueueConnectionError("here", "gone")
    await flow.add(TWO_QUEUES)
    assert "letter" in stored_in(backend)
    assert "its letters are left to its workers" in caplog.text


async def test_a_reservation_that_cannot_be_given_up_lapses(
    backend: CountingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    flow = FlowProducer(backend=backend)
    await flow.add(job("x", queue_name="r", job_id="taken"))
    before = len(backend.calls)
    backend.failures[before + 6] = QueueConnectionError("here", "gone")
    with pytest.raises(DuplicateJobError):
        await flow.add(job("a", job("b", queue_name="r", job_id="taken"), job("c", queue_name="s")))
    assert backend.calls[before:].count("release_flow") == 2
    assert "a reservation is left to lapse" in caplog.text


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_the_tree_is_printed(flow: FlowProducer, backend: CountingBackend) -> None:
    added = await flow.add(
        job(
            "report",
            FlowJob("fetch", queue_name="web", job_id="f1"),
            FlowJob("fetch", queue_name="web", job_id="f2", delay=5),
            job("merge", FlowJob("part", queue_name="web", job_id="p")),
        )
    )
    expected = """report 1 (q) waiting-children
├── fetch f1 (web) waiting
├── fetch f2 (web) delayed
└── merge 2 (q) waiting-children
    └── part p (web) waiting"""
    assert str(added) == expected
    assert str(await flow.get_flow(added)) == expected
    assert str(await flow.get_flow("1", queue_name="q")) == expected
    assert repr(added) == "<FlowNode '1' of queue 'q', waiting-children, 3 children>"
    worker = FakeWorker(Queue("web", backend=backend))
    await worker.end(await worker.start(), value='{"rows": 3}')
    await worker.end(await worker.start(), outcome="failed", reason="no such page: " + "x" * 80)
    read = await flow.get_flow(added.job)
    assert (
        str(read)
        == f"""report 1 (q) waiting-children
├── fetch f1 (web) completed: {{'rows': 3}}
├── fetch f2 (web) delayed
└── merge 2 (q) waiting-children
    └── part p (web) failed: no such page: {"x" * 43}..."""
    )
    assert (read.children[0].value, read.children[1].value) == ({"rows": 3}, None)


async def test_a_graph_is_printed_once(flow: FlowProducer) -> None:
    jobs = await flow.add_dag([node("a"), node("b", "a"), node("c", "b"), node("d", "b", "c")])
    assert (
        str(await flow.get_flow(jobs["d"]))
        == """d 4 (q) waiting-children
├── b 2 (q) waiting-children
│   └── a 1 (q) waiting
└── c 3 (q) waiting-children
    └── b 2 (q) waiting-children (see above)"""
    )


async def test_of_a_child_that_is_gone_its_parent_keeps_the_value(flow: FlowProducer, backend: CountingBackend) -> None:
    added = await flow.add(
        job(
            "a",
            job("b", remove_on_complete=True),
            job("c", remove_on_fail=True),
            job("d"),
            on_child_failure="ignore",
        )
    )
    worker = FakeWorker(Queue("q", backend=backend))
    await worker.end(await worker.start(), value="5")
    await worker.end(await worker.start(), outcome="failed")
    read = await flow.get_flow(added)
    assert (
        str(read)
        == """a 1 (q) waiting-children
├── 2 (q) completed: 5
├── 3 (q) failed
└── d 4 (q) waiting"""
    )
    assert [child.value for child in read.children] == [5, None, None]


async def test_a_flow_that_is_gone_is_not_found(flow: FlowProducer) -> None:
    added = await flow.add(job("a"))
    await added.job.remove()
    with pytest.raises(JobNotFoundError):
        await flow.get_flow(added)
    with pytest.raises(InvalidOptionsError, match="an id with a queue_name"):
        await flow.get_flow("1")


# --- children of a running job ---------------------------------------------------------------------------------------


async def test_only_a_running_job_can_be_given_children(backend: CountingBackend) -> None:
    queue = Queue[Any, Any]("q", backend=backend)
    added = await queue.add("a")
    assert added is not None
    calls = len(backend.calls)
    for parent, error in (("1", InvalidOptionsError), (added, InvalidStateError)):
        with pytest.raises(error, match="parent"):
            await queue.add("b", parent=parent)  # type: ignore[arg-type]
        with pytest.raises(error, match="parent"):
            await queue.add_bulk([NewJob("b", parent=parent)])  # type: ignore[arg-type]
    with pytest.raises(InvalidStateError, match="move_to_waiting_children"):
        await added.move_to_waiting_children()
    assert len(backend.calls) == calls


async def test_a_value_that_cannot_be_decoded_here_is_an_error(backend: CountingBackend, flow: FlowProducer) -> None:
    added = await flow.add(job("a", job("b")))
    worker = FakeWorker(Queue("q", backend=backend))
    await worker.end(await worker.start(), value='"x"')
    other = FlowProducer(backend=backend, serializer=Reversed())
    assert await added.job.get_children_values() == {"q:2": "x"}
    read: FlowNode = await other.get_flow("1", queue_name="q")
    parent: Job[Any, Any] = read.job
    with pytest.raises(Exception, match="the return value of the child q:2"):
        await parent.get_children_values()
