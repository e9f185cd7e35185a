"""Every verb of the memory store against the Valkey command that its docstring names: reply and whole state."""

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from glide import GlideClient, GlideClientConfiguration, NodeAddress, RequestError
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from glidemq_pb.backends.memory import MemoryStore
from glidemq_pb.semantics.lang import INT_MAX
from glidemq_pb.semantics.store import Store
from glidemq_pb.server import PrivateServer

from .command_store import CommandStore
from .profile import DEEP

PREFIX = "glide:{store*[1]}"  # holds what SCAN's patterns give a meaning
EXAMPLES = 2_000 if DEEP else 200
"""Histories of 50 steps each."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """A record as `read` takes them. Other fields of the pool are read by name only."""

    count: int
    a: str
    missing_count: int
    missing: str


KINDS = ("count", "hash", "set", "list", "stream")
any_key = st.sampled_from([f"{PREFIX}:{kind}:{n}" for kind in KINDS for n in (1, 1, 1, 2)])


def key_of(kind: str) -> st.SearchStrategy[str]:
    """Mostly a key of the verb's own type, at times another's: then both sides refuse."""
    own = st.just(f"{PREFIX}:{kind}:1")
    return st.one_of(own, own, own, own, own, any_key)


def flat(drawn: st.SearchStrategy[list[tuple[str, str]]]) -> st.SearchStrategy[list[str]]:
    return drawn.map(lambda pairs: [text for pair in pairs for text in pair])


def unzipped(pairs: list[tuple[int, str]]) -> tuple[list[int], list[str]]:
    return [score for score, _ in pairs], [member for _, member in pairs]


texts = st.sampled_from(["", "a", "1", "2", "10", "\0", "\0a", "\xff\x80", "Ã©", " 7", "'\"\r\n", "x" * 65])
names = st.sampled_from(["a", "b", "", "\xff", "f" * 70])  # never `count`, which holds an integer
pairs = st.tuples(names, texts)
integers = st.sampled_from([0, 1, 2, 10**14, INT_MAX - 1, INT_MAX, -INT_MAX])
positions = st.integers(-7, 7)
scored = st.lists(st.tuples(integers, texts), max_size=5)
count_key, hash_key, set_key, list_key, stream_key = (key_of(kind) for kind in KINDS)

Arguments = st.SearchStrategy[tuple[Any, ...]]
KEYS: dict[str, Arguments] = {
    "exists": st.tuples(any_key),
    "existing": st.tuples(st.lists(any_key, max_size=3)),
    "delete": st.tuples(st.lists(any_key, max_size=3)),
    "rename": st.tuples(any_key, any_key),
    "get_count": st.tuples(count_key),
    "set_count": st.tuples(count_key, integers),
}
HASHES: dict[str, Arguments] = {
    "read": st.tuples(hash_key, st.just(Sample)),
    "hget": st.tuples(hash_key, names),
    "hgetall": st.tuples(hash_key),
    "hset": st.tuples(hash_key, st.dictionaries(st.sampled_from(["a", "b"]), texts | integers, min_size=1)),
    "hset_fields": st.tuples(hash_key, flat(st.lists(pairs, max_size=4))),
    "hset_value": st.tuples(hash_key, names, texts),
    "hmget": st.tuples(hash_key, st.lists(names | st.just("count"), max_size=5)),
    "hdel": st.tuples(hash_key, st.lists(names | st.just("count"), max_size=5)),
    "hincrby": st.tuples(hash_key, st.just("count"), st.sampled_from([0, 1, -1, 2, 10**12])),
    "hkeys": st.tuples(hash_key),
}
SETS: dict[str, Arguments] = {
    "zadd": st.tuples(set_key, integers, texts),
    "zadd_many": st.tuples(set_key, scored).map(lambda drawn: (drawn[0], *unzipped(drawn[1]))),
    "zrem": st.tuples(set_key, texts),
    "zrem_many": st.tuples(set_key, st.lists(texts, max_size=8)),
    "zpop": st.tuples(set_key, st.integers(0, 4)),
    "zcard": st.tuples(set_key),
    "zscore": st.tuples(set_key, texts),
    "zrank": st.tuples(set_key, texts),
    "zrange": st.tuples(set_key, positions, positions),
    "zrange_scored": st.tuples(set_key, positions, positions),
    "zdue": st.tuples(set_key, integers, st.integers(-1, 5)),
    "zlowest": st.tuples(set_key),
}
LISTS: dict[str, Arguments] = {
    "rpush": st.tuples(list_key, texts),
    "llen": st.tuples(list_key),
    "lrange": st.tuples(list_key, positions, positions),
}
STREAMS: dict[str, Arguments] = {
    "xadd": st.tuples(
        stream_key,
        st.integers(0, 3),
        integers,
        texts,
        texts,
        flat(st.lists(pairs, max_size=3, unique_by=lambda pair: pair[0])),
    ),
    "xclear": st.tuples(stream_key),
    "xlast": st.tuples(stream_key),
    "xafter": st.tuples(stream_key, st.integers(0, 4), st.integers(0, 4)),
}
GROUPS = (KEYS, HASHES, SETS, LISTS, LISTS, STREAMS, STREAMS)  # small groups twice
UNORDERED = {"hgetall", "hkeys"}
REFUSALS = (TypeError, KeyError, RequestError)  # another type's key, a missing key; on Valkey, an error reply

Step = tuple[str, tuple[Any, ...]]
step = st.one_of([st.tuples(st.just(verb), arguments) for group in GROUPS for verb, arguments in group.items()])


@pytest.fixture(scope="module")
def commands(valkey_server: PrivateServer) -> Iterator[CommandStore]:
    loop = asyncio.new_event_loop()
    configuration = GlideClientConfiguration([NodeAddress("127.0.0.1", valkey_server.port)], request_timeout=5_000)
    client = loop.run_until_complete(GlideClient.create(configuration))
    yield CommandStore(client, loop)
    loop.run_until_complete(client.close())
    loop.close()


def outcome(store: Store, verb: str, arguments: tuple[Any, ...]) -> Any:
    """What the verb replies, or that it refuses; hashes in a fixed order."""
    try:
        if verb == "hset":
            key, pairs = arguments
            return store.hset(key, **pairs)
        reply = getattr(store, verb)(*arguments)
    except REFUSALS:
        return "refused"
    if verb == "hgetall":
        return sorted(zip(reply[::2], reply[1::2], strict=True))
    return sorted(reply) if verb in UNORDERED else reply


class Comparison(RuleBasedStateMachine):
    """One history, done to both."""

    commands: ClassVar[CommandStore]

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryStore()
        self.commands.delete(list(self.commands.dump(PREFIX)))

    @rule(drawn=step)
    def compare(self, drawn: Step) -> None:
        verb, arguments = drawn
        expected = outcome(self.commands, verb, arguments)
        assert outcome(self.memory, verb, arguments) == expected
        assert self.memory.dump(PREFIX) == self.commands.dump(PREFIX)
        event(f"{verb} {'refused' if expected == 'refused' else 'done'}")


def test_ranges_agree_wherever_they_begin_and_end(commands: CommandStore) -> None:
    memory = MemoryStore()
    commands.delete(list(commands.dump(PREFIX)))
    keys = {kind: f"{PREFIX}:{kind}:1" for kind in KINDS}
    store: Store
    for store in (commands, memory):
        store.zadd_many(keys["set"], [1, 1, 2, INT_MAX], ["b", "a", "\0", "c"])
        for n in range(4):
            store.rpush(keys["list"], str(n))
            store.xadd(keys["stream"], 3, n, "e", "j", ["n", str(n)])
    bounds = list(itertools.product(range(-6, 7), repeat=2))
    reads = [("zrange", (keys["set"], *pair)) for pair in bounds]
    reads += [("zrange_scored", (keys["set"], *pair)) for pair in bounds]
    reads += [("lrange", (keys["list"], *pair)) for pair in bounds]
    reads += [("zdue", (keys["set"], score, limit)) for score in (0, 1, 2, 3, INT_MAX) for limit in range(-2, 6)]
    reads += [("xafter", (keys["stream"], after, count)) for after in range(6) for count in range(5)]
    for verb, arguments in reads:
        assert outcome(memory, verb, arguments) == outcome(commands, verb, arguments), (verb, arguments)


def test_every_verb_is_compared() -> None:
    verbs = {verb for group in GROUPS for verb in group}
    assert verbs == {name for name in vars(Store) if not name.startswith("_")}


def test_each_verb_does_what_its_command_does(commands: CommandStore) -> None:
    Comparison.commands = commands
    run_state_machine_as_test(
        Comparison,
        settings=settings(
            max_examples=EXAMPLES, derandomize=not DEEP, database=None, deadline=None, report_multiple_bugs=False
        ),
    )
