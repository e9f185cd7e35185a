"""Replies, arguments, events and flags: what compiled operations are inside Valkey."""

from glidemq_pb.backends.valkey.compiler import build
from glidemq_pb.semantics.limits import EVENTS_TOGETHER
from tests.compiler.running import Call, Q, Server, compile_program, load_python, packed, run_lua, unpacked
from tests.compiler.small_programs import program, refused, same


def test_replies_of_every_type(server: Server) -> None:
    record = (
        "@dataclass(frozen=True, slots=True)\nclass In:\n    flag: bool\n    names: list[str]\n\n\n"
        "@dataclass(frozen=True, slots=True)\nclass Out:\n    one: In\n    many: list[In]\n    maybe: In | None\n"
        "    lists: list[list[int]]\n    flags: list[bool]\n\n"
    )
    body = "x = In(flag, names)\nreturn Out(x, [x, In(False, [])], None if flag else x, [[1], [], [n]], [flag, True])"
    text = program(body, "Out", ", flag: bool, names: list[str], n: int", record)
    same(server, text, (True, ["a"], 1), (False, [], -5))
    same(server, program("s.delete([q])", "None"), ())
    same(server, program("return xs", "list[list[str]]", ", xs: list[list[str]]"), ([["a"], [], ["", "b"]],))


def test_malformed_arguments_are_errors_before_anything_runs(server: Server) -> None:
    text = program("s.set_count(q, n)\nreturn 1", "int", ", n: int, flag: bool, xs: list[str], m: int | None")
    text += "\n\n@operation\ndef sum_up(s: Store, q: str, now: int, ns: list[int]) -> int:\n    return len(ns)\n"
    library = compile_program(text)
    server.load(library)
    good: list[object] = [0, 1, True, [b"x"], False]
    assert server.call(library, "run", good) == [1]
    server.command("FLUSHALL")
    bad = [good[:-1], [*good, b"x"], [], [0, 1, 2, *good[3:]], [*good[:3], 2, *good[4:]], [*good[:3], b"1", *good[4:]]]
    bad += [[*good[:3], b"x", *good[4:]], [*good[:3], 1, *good[4:]], [*good[:-1], True], [*good[:-1], 0]]
    for words in bad:
        assert str(server.call(library, "run", words)).startswith("error: BAD_")
    for count in (-1, 2, 2**53 - 1, b"1"):
        assert str(server.call(library, "sum_up", [0, count, 1])).startswith("error: BAD_")
    assert server.call(library, "sum_up", [0, 1, 1]) == [1]
    assert server.dump() == {}


def test_redis_call_is_looked_up_inside_functions_only() -> None:
    lines = build.LIBRARY.read_text().split("\n")
    assert [line for line in lines if line.startswith("local") and "redis" in line] == []


def test_the_library_makes_no_globals_and_no_state() -> None:
    assert refused(program("return 0", "int", "", "seen: list[str] = []\n")) == {"GMQ220"}


def test_now_is_the_servers_clock_when_it_is_empty(server: Server) -> None:
    library = compile_program(program("return now", "int"))
    server.load(library)
    seconds, _ = server.command("TIME")
    (now,) = server.call(library, "run", [b""])
    assert abs(now - int(seconds) * 1000) < 10_000
    assert server.call(library, "run", [123]) == [123]


def test_events_are_written_before_anything_looks_at_them(server: Server) -> None:
    body = """
seen = [s.xlast(q)]
for keep in [2, 2, 2, 3, 3, 1]:
    s.xadd(q, keep, now, "e", "j", ["f", "v"])
    if keep == 3:
        seen.append(s.xlast(q))
        seen.append(len(s.xafter(q, 0, 9)))
seen.append(len(s.xafter(q, 0, 9)))
for keep in [5, 5, 1, 1, 3, 3]:
    s.xadd(q, keep, now, "e", "j", [])
    s.xadd(q + ":x", keep, now, "e", "j", [])
    s.xadd(q + ":x", keep, keep, "e", "j", [])
s.xclear(q + ":x")
return seen"""
    same(server, program(body, "list[int]"), (), (), ())


def test_what_is_said_of_an_event_may_change_afterwards(server: Server) -> None:
    body = """
details = ["f", "v"]
s.xadd(q, 5, now, "e", "j", details)
details.append("g")
details.append("w")
s.xadd(q, 5, now, "e", "j", details)
return len(s.xafter(q, 0, 9))"""
    same(server, program(body, "int"), ())


def test_events_of_a_large_operation_are_several_entries(server: Server) -> None:
    """Numbers, retention and what a later writer still finds do not tell how many one entry holds."""
    body = """
seen: list[int] = []
for i in range(size):
    s.xadd(q, keep, now, "e", text(i), ["f", text(i)])
for event in s.xafter(q, after, 150):
    seen.append(event.number)
    seen.append(number(event.job_id))
return seen"""
    calls = [
        (size, keep, after)
        for size in (1, 99, 100, 101, 3, 350, 250)
        for keep in (1, 100, 101, 1_000)
        for after in (0, 99, 250, 750)
    ]
    same(server, program(body, "list[int]", ", size: int, keep: int, after: int"), *calls)
    last = int(server.command("GET", f"{Q}:last"))
    assert last == sum(size for size, _, _ in calls)
    assert int(server.command("XLEN", Q)) <= 1_200
    (*_, entry) = server.command("XRANGE", Q, f"0-{last - EVENTS_TOGETHER}", "+").items()
    assert entry[0] == f"0-{last}".encode()


def test_events_of_an_operation_that_failed_are_not_written_by_the_next(server: Server) -> None:
    library = compile_program(
        program('s.xadd(q, 1, now, "e", "j", [])\ns.xadd(q, 1, now, "e", "j", [])\nreturn number(t)', "int", ", t: str")
        + "\n\n@operation(reads_only=True)\ndef look(s: Store, q: str, now: int) -> int:\n    return s.xlast(q)\n"
    )
    server.load(library)
    assert "BAD_INT" in server.call(library, "run", [0, b"x"])
    assert server.call(library, "look", [0]) == [0]
    assert server.call(library, "run", [0, b"7"]) == [7]
    assert server.call(library, "look", [0]) == [2]


def test_flags_follow_the_decorator(server: Server) -> None:
    text = program("return now", "int").replace("@operation", "@operation(reads_only=True, frees_memory=True)")
    library = compile_program(text)
    server.load(library)
    assert unpacked(server.command("FCALL_RO", library.function_name("run"), "1", Q, packed([5]))) == [5]
    assert "flags = {'no-writes', 'allow-oom'}" in library.text
    assert refused(text.replace("return now", 'return s.hincrby(q, "n", 1)')) == {"GMQ404"}


def test_refusals_come_before_writes_also_through_helpers() -> None:
    before = "def note(s: Store, key: str) -> None:\n    s.hset(key, n=1)\n\n"
    body = 'note(s, q)\nif now > 3:\n    refuse("LATE")\nreturn 1'
    assert refused(program(body, "int", "", before)) == {"GMQ401"}


def test_names_carry_the_hash_of_the_content() -> None:
    one, other = compile_program(program("return 1", "int")), compile_program(program("return 2", "int"))
    assert one.hash != other.hash
    assert one.text.startswith(f"#!lua name=glidemq_pb_{one.hash}\n")
    assert f"function_name = 'glidemq_pb_run_{one.hash}'" in one.text
    assert compile_program(program("return 1", "int")).text == one.text


def test_decoded_arguments_come_back(server: Server) -> None:
    fields = "    n: int\n    names: list[str]\n    t: str\n    maybe: int | None\n\n"
    record = f"@dataclass(frozen=True, slots=True)\nclass In:\n{fields}"
    body = 'return [text(len(xs)), t, xs[1].t, text(xs[1].n), xs[0].names[0], text(z.n), z.t, "no" if m is None else m]'
    text = program(body, "list[str]", ", xs: list[In], t: str, z: In, m: str | None, last: bool", record)
    module = load_python(text)
    make = vars(module)["In"]
    xs = [make(1, ["a", "b"], "t", None), make(-2, [], "u", 7)]
    library = compile_program(text)
    server.load(library)
    found = run_lua(server, library, module, Call("run", 0, (xs, "T", make(3, ["q"], "w", 0), "m", True)))
    assert found == [[b"2", b"T", b"u", b"-2", b"a", b"3", b"w", b"m"]]
