"""Random programs of the subset, with random arguments: what the equivalence test runs.

Every program is accepted by the compiler and never fails in Python, so that any difference is a fault. Integers
stay exact by construction: each expression is drawn with a bound on its absolute value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st

from glidemq_pb.semantics.lang import INT_MAX
from tests.compiler.running import HEADER, Call

T = TypeVar("T")
Choose = Callable[[int], int]
"""A number from 0 up to, and without, the given one: the only source of chance."""

VARIABLE_MAX = 2**31
"""What an int variable may hold; larger values are reduced before they are assigned."""
TEXTS = (
    "a",
    "",
    "0",
    "nil",
    "7",
    "-3",
    "x'y",
    "a\\b",
    "\x00",
    "\n1",
    "\x419",
    "\xc3\xa9",
    "\xff",
    "]]",
    "%d",
    "1e3",
    "--",
    '"',
)
INTS = (0, 1, -1, 2, 3, 7, 10, 1000, -1000, 65536)
HUGE = (0, -1, 10**14, 10**15 + 1, INT_MAX, -INT_MAX, INT_MAX - 1, 1_700_000_000_000)
NAMES = ("a", "b", "end", "local_", "type", "call", "R", "nil", "n1", "next", "at", "then", "self_", "repeat")

RECORDS = """
@dataclass(frozen=True, slots=True)
class Pair:
    n: int
    end: str


@dataclass(frozen=True, slots=True)
class Row:
    n: int
    t: str


@dataclass(frozen=True, slots=True)
class Result:
    a: int
    b: str
    c: bool
    ints: list[int]
    texts: list[str]
    maybe: str | None
    maybe_n: int | None
    pair: Pair
    pairs: list[Pair]
    flags: list[bool]


BIG: Final = 2**40
WORD: Final = "w\\x00'\\xe9"
SEVEN: Final = 2 * 3 + 1
"""


def pick(below: Choose, options: Iterable[T]) -> T:
    chosen = list(options)
    return chosen[below(len(chosen))]


@dataclass
class Local:
    name: str
    kind: str
    fixed: bool = False
    """A loop variable or parameter: never assigned."""


@dataclass
class Helper:
    name: str
    kinds: tuple[str, ...]
    returns: str


@dataclass
class Writer:
    """Draws one function. `depth` is that of blocks, `loops` that of loops."""

    below: Choose
    helpers: list[Helper]
    store: bool
    returns: str
    lines: list[str] = field(default_factory=list)
    locals: list[Local] = field(default_factory=list)
    depth: int = 1
    loops: int = 0
    used: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    iterated: list[str] = field(default_factory=list)

    # --- choices ------------------------------------------------------------------------------------------------------

    def pick(self, options: Iterable[T]) -> T:
        return pick(self.below, options)

    def names(self, kind: str) -> list[str]:
        return [one.name for one in self.locals if one.kind == kind]

    def fresh(self, kind: str) -> str:
        """A name for a new local: one that an ended block had for the same type, or a new one."""
        self.used += 1
        base = self.pick(NAMES)
        taken = base in [one.name for one in self.locals] or self.kinds.setdefault(base, kind) != kind
        return f"v{self.used}" if taken else base

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    # --- expressions --------------------------------------------------------------------------------------------------

    def integer(self, depth: int = 2) -> tuple[str, int]:
        """An int expression and a bound on its absolute value."""
        choice = self.below(14 if depth > 0 else 3)
        names = self.names("int")
        if choice == 0 or (choice < 3 and not names):
            n = self.pick(INTS)
            return (f"({n})" if n < 0 else str(n)), abs(n)
        if choice < 3:
            return self.pick(names), VARIABLE_MAX
        match choice:
            case 3 | 4 | 5:
                return self.arithmetic(depth)
            case 6:
                huge = self.names("huge")
                if huge:
                    name = self.pick(huge)
                    return self.pick(((name, INT_MAX), (f"{name} % 7", 7), (f"-{name} % 7", 7), (f"-{name}", INT_MAX)))
                return "BIG", 2**40
            case 7:
                a, bound = self.integer(depth - 1)
                divisor = self.pick(("2", "7", "1000", "SEVEN", f"max(1, {self.integer(0)[0]})"))
                if self.below(2) == 0:
                    return f"({a}) // {divisor}", bound + 1
                return f"({a}) % {divisor}", VARIABLE_MAX
            case 8:
                (a, x), (b, y) = self.integer(depth - 1), self.integer(depth - 1)
                return f"{self.pick(('min', 'max'))}({a}, {b})", max(x, y)
            case 9:
                (a, x), (b, y) = self.integer(depth - 1), self.integer(depth - 1)
                return f"({a} if {self.boolean(depth - 1)} else {b})", max(x, y)
            case 10:
                return f"len({self.pick([*self.names('ints'), *self.names('texts'), '[1, 2]'])})", 10**6
            case 11:
                a, bound = self.integer(depth - 1)
                return self.pick((f"-({a})", f"({a}) * -1", f"0 - ({a})")), bound
            case 12:
                return self.indexed("ints", "0"), VARIABLE_MAX
            case _:
                return self.call("int") or f"byte_length({self.text(0)})", VARIABLE_MAX

    def arithmetic(self, depth: int) -> tuple[str, int]:
        (a, x), (b, y) = self.integer(depth - 1), self.integer(depth - 1)
        op = self.pick("+-*")
        bound = x * y if op == "*" else x + y
        if bound > INT_MAX:
            return f"({a}) // 3", x + 1
        return (f"({a}) {op} ({b})" if self.below(2) else f"{a} {op} ({b})"), bound

    def indexed(self, kind: str, default: str) -> str:
        """An item, under a test of the length."""
        names = self.names(kind)
        if not names:
            return default
        xs = self.pick(names)
        index = self.pick(("0", "1", "2", f"len({xs}) - 1"))
        test = f"len({xs}) > {index}" if index.isdigit() else f"len({xs}) > 0"
        return f"({xs}[{index}] if {test} else {default})"

    def text(self, depth: int = 2) -> str:
        choice = self.below(10 if depth > 0 else 3)
        names = self.names("str")
        if choice == 0 or not names:
            return self.pick([repr(one) for one in TEXTS] + ["WORD"])
        if choice < 4:
            return self.pick(names)
        match choice:
            case 4:
                parts = [self.part() for _ in range(self.below(3) + 2)]
                return f"({' + '.join(parts)})"
            case 5:
                return f"text({self.integer(1)[0]})"
            case 6:
                return f"({self.text(depth - 1)} if {self.boolean(depth - 1)} else {self.text(depth - 1)})"
            case 7:
                return self.indexed("texts", "'none'")
            case 8:
                return f"pad({self.pick(('7', 'BIG', *self.names('huge')))})"
            case _:
                return self.pick((self.call("str") or "WORD", f"drop({self.text(0)}, {self.below(3)})"))

    def part(self) -> str:
        """An operand of `+`: inside loops no variable text, which would double and double again."""
        fixed = [one.name for one in self.locals if one.kind == "str" and (one.fixed or self.loops == 0)]
        return self.pick([*[repr(one) for one in TEXTS[:12]], *fixed, f"text({self.integer(0)[0]})"])

    def boolean(self, depth: int = 2) -> str:
        choice = self.below(10 if depth > 0 else 3)
        names = self.names("bool")
        if choice == 0 or (choice == 1 and not names):
            return self.pick(("True", "False"))
        if choice == 1:
            return self.pick(names)
        match choice:
            case 2:
                if depth:
                    return f"(({self.boolean(depth - 1)}) {self.pick(('==', '!='))} ({self.boolean(0)}))"
                return self.pick(("True", "False"))
            case 3:
                a, b = self.integer(max(depth - 1, 0))[0], self.integer(0)[0]
                return f"{a} {self.pick(('<', '<=', '>', '>=', '==', '!='))} {b}"
            case 4:
                return f"{self.text(depth - 1)} {self.pick(('==', '!='))} {self.text(0)}"
            case 5:
                return f"({self.boolean(depth - 1)} {self.pick(('and', 'or'))} {self.boolean(depth - 1)})"
            case 6:
                a, b = self.integer(0)[0], self.integer(0)[0]
                compared = f"{a} {self.pick(('<', '<=', '>', '>=', '==', '!='))} {b}"
                return f"(not {self.pick((compared, self.boolean(depth - 1)))})"
            case 7:
                maybe = [*self.names("maybe"), *self.names("maybe_n")]
                test = f"{self.pick(maybe or ['absent'])} {self.pick(('is', 'is not'))} None"
                return self.pick((test, f"(({test}) == ({self.boolean(0)}))")) if maybe else "True"
            case 8:
                return f"({self.boolean(depth - 1)} if {self.boolean(depth - 1)} else {self.boolean(depth - 1)})"
            case _:
                if names and self.below(2):
                    return f"{self.pick(self.names('str') or ['WORD'])} {self.pick(('in', 'not in'))} ('a', '', WORD)"
                a, b, c = self.integer(0)[0], self.pick(["3", *self.names("int")]), self.integer(0)[0]
                return self.call("bool") or f"({a} {self.pick(('<', '<='))} {b} {self.pick(('<', '=='))} {c})"

    def call(self, kind: str) -> str | None:
        """A call of a helper that gives this type."""
        fitting = [one for one in self.helpers if one.returns == kind]
        if not fitting:
            return None
        helper = self.pick(fitting)
        return f"{helper.name}({', '.join(self.expression(one, 0) for one in helper.kinds)})"

    def expression(self, kind: str, depth: int = 2) -> str:
        match kind:
            case "int":
                text, bound = self.integer(depth)
                return text if bound <= VARIABLE_MAX else f"({text}) // 4194304 % 1000003 - 500000"
            case "str":
                return self.text(depth)
            case "bool":
                return self.boolean(depth)
            case "maybe":
                plain = self.text(0)
                return self.pick(["None", plain, *self.names("maybe"), f"({plain} if {self.boolean(0)} else None)"])
            case "maybe_n":
                plain = self.expression("int", 0)
                return self.pick(["None", plain, *self.names("maybe_n"), f"(None if {self.boolean(0)} else {plain})"])
            case "pair":
                made = f"Pair({self.expression('int', 1)}, {self.text(1)})"
                swapped = f"Pair(end={self.text(0)}, n={self.expression('int', 0)})"
                return self.pick([made, swapped, *self.names("pair")])
            case "ints":
                items = [self.expression("int", 1) for _ in range(self.below(3))]
                return f"[{', '.join(items)}]"
            case "texts":
                items = [self.text(0) for _ in range(self.below(3))]
                split = f"split({self.text(0)}, {self.pick((repr('a'), repr('.'), repr('%')))})"
                return self.pick([f"[{', '.join(items)}]", split])
            case _:
                items = [self.expression("pair", 0) for _ in range(self.below(3))]
                return f"[{', '.join(items)}]"

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, count: int) -> None:
        """Statements in a block of their own: names declared here end here."""
        known = len(self.locals)
        self.depth += 1
        for _ in range(count):
            self.statement()
        self.depth -= 1
        del self.locals[known:]

    def statement(self) -> None:
        if self.used > 90:  # a function may have 150 locals
            self.assign()
            return
        deep = self.depth >= 4
        choice = self.below(8 if deep else 16)
        if self.store and self.below(3) == 0:
            self.use_store()
            return
        match choice:
            case 0 | 1 | 2:
                self.declare(self.pick(("int", "str", "bool", "maybe", "maybe_n", "pair", "ints", "texts", "pairs")))
            case 3 | 4:
                self.assign()
            case 5:
                self.append()
            case 6 | 7:
                self.narrow()
            case 8 | 9:
                self.branch()
            case 10:
                self.both()
            case 11 | 12:
                self.over_list() if self.loops < 2 else self.assign()
            case 13 | 14:
                self.over_range() if self.loops < 2 else self.branch()
            case _:
                self.leave()

    ANNOTATIONS: ClassVar[dict[str, str]] = {
        "int": "int", "str": "str", "bool": "bool", "maybe": "str | None", "maybe_n": "int | None", "pair": "Pair",
        "ints": "list[int]", "texts": "list[str]", "pairs": "list[Pair]", "huge": "int",
    }  # fmt: skip

    TRACED: ClassVar[dict[str, str]] = {
        "int": "text({})", "huge": "text({})", "str": "{}", "bool": "'yes' if {} else 'no'", "pair": "{}.end",
        "maybe": "'None' if {0} is None else {0}", "maybe_n": "'None' if {0} is None else text({0})",
    }  # fmt: skip

    def trace(self, name: str, kind: str) -> None:
        """Show a value in the reply."""
        if self.returns == "result" and kind in self.TRACED and self.loops < 2:
            self.emit(f"trace.append({self.TRACED[kind].format(name)})")

    def declare(self, kind: str) -> None:
        value = self.expression(kind)
        name = self.fresh(kind)
        self.emit(f"{name}: {self.ANNOTATIONS[kind]} = {value}")
        self.locals.append(Local(name, kind))
        self.trace(name, kind)

    def assign(self) -> None:
        targets = [one for one in self.locals if not one.fixed and one.name not in self.iterated]
        if not targets:
            return self.declare("int")
        target = self.pick(targets)
        if target.kind == "int" and self.below(3) == 0:
            self.emit(f"{target.name} {self.pick(('+=', '-='))} {self.below(1000)}")
            self.emit(f"{target.name} = {target.name} % 1000003 - 7")
            return None
        self.emit(f"{target.name} = {self.expression(target.kind)}")
        self.trace(target.name, target.kind)
        return None

    def append(self) -> None:
        kinds = {"ints": "int", "texts": "str", "pairs": "pair"}
        # A helper that changes its caller's list may not be nested in an expression, as its calls are here.
        own = [one for one in self.locals if not one.fixed or self.returns == "result"]
        targets = [one for one in own if one.kind in kinds and one.name not in self.iterated]
        if not targets or self.loops > 1:
            return self.assign()
        target = self.pick(targets)
        self.emit(f"{target.name}.append({self.expression(kinds[target.kind])})")
        return None

    def narrow(self) -> None:
        """Use a value that may be None where it is not."""
        maybes = self.names("maybe")
        strs = [one.name for one in self.locals if one.kind == "str" and not one.fixed]
        if not maybes or not strs:
            return self.declare("maybe")
        maybe, target = self.pick(maybes), self.pick(strs)
        self.emit(f"if {maybe} is not None and {maybe} != {self.text(0)}:")
        self.emit(f"    {target} = {maybe}")
        return None

    def branch(self) -> None:
        self.emit(f"if {self.boolean()}:")
        self.block(self.below(2) + 1)
        for _ in range(self.below(3)):
            self.emit(f"elif {self.boolean()}:")
            self.block(self.below(2) + 1)
        if self.below(2):
            self.emit("else:")
            self.block(self.below(2) + 1)

    def both(self) -> None:
        """A name that is first assigned in two branches and lives on."""
        kind = self.pick(("int", "str", "bool"))
        name = self.fresh(kind)
        self.emit(f"if {self.boolean()}:")
        self.emit(f"    {name} = {self.expression(kind)}")
        self.emit("else:")
        self.emit(f"    {name} = {self.expression(kind)}")
        self.locals.append(Local(name, kind))
        self.trace(name, kind)

    def over_list(self) -> None:
        sources = [one for one in self.locals if one.kind in ("ints", "texts", "pairs")]
        kinds = {"ints": "int", "texts": "str", "pairs": "pair"}
        kind = self.pick(kinds)
        source = {"ints": "[3, -1]", "texts": "split(WORD, 'w')", "pairs": "[Pair(1, 'z')]"}[kind]
        if sources and self.below(3):
            chosen = self.pick(sources)
            kind, source = chosen.kind, chosen.name
        self.loop(kinds[kind], source, source if source.isidentifier() else None)

    def over_range(self) -> None:
        n = self.below(4)
        bounds = self.pick(
            (
                str(n),
                f"1, {n + 2}",
                f"0, {n + 3}, 2",
                f"{n}, -1, -1",
                f"{n}, 0",
                f"min({self.integer(0)[0]}, 3)",
                f"{n}, {n} + min(max({self.integer(0)[0]}, -1), 4), SEVEN - 5",
            )
        )
        self.loop("int", f"range({bounds})", None)

    def loop(self, kind: str, source: str, iterated: str | None) -> None:
        self.used += 1
        name = f"i{self.used}"
        self.emit(f"for {name} in {source}:")
        known = len(self.locals)
        self.locals.append(Local(name, kind, fixed=True))
        self.depth += 1
        self.trace(name, kind)
        self.depth -= 1
        self.loops += 1
        if iterated is not None:
            self.iterated.append(iterated)
        self.block(self.below(2) + 1)
        for _ in range(self.below(3)):
            self.guard()
            self.block(self.below(2) + 1)
        if iterated is not None:
            self.iterated.pop()
        self.loops -= 1
        del self.locals[known:]

    def guard(self) -> None:
        """`continue` or `break` under a condition, in one of several shapes."""
        self.depth += 1
        word = self.pick(("continue", "continue", "break"))
        self.emit(f"if {self.boolean()}:")
        if self.below(2):
            self.block(1)
        if self.below(3) == 0:
            self.emit(f"    if {self.boolean()}:")
            self.emit(f"        {word}")
            if self.below(2):
                self.block(1)
        else:
            self.emit(f"    {word}")
        if self.below(3) == 0:
            self.emit(f"elif {self.boolean()}:")
            self.block(1)
        self.depth -= 1

    def leave(self) -> None:
        if self.loops or self.depth > 2:
            return self.branch() if self.depth < 4 else self.assign()
        self.emit(f"if {self.boolean()}:")
        self.emit(f"    return {self.result()}")
        return None

    def result(self) -> str:
        if self.returns != "result":
            return self.expression(self.returns)
        flags = ", ".join(self.boolean(1) for _ in range(self.below(3)))
        parts = [
            self.expression("int"), self.text(), self.boolean(), self.expression("ints"),
            "trace", self.expression("maybe"), self.expression("maybe_n"),
            self.expression("pair"), self.pick([*self.names("pairs"), "[]"]), f"[{flags}]",
        ]  # fmt: skip
        return f"Result({', '.join(parts)})"

    # --- the store ----------------------------------------------------------------------------------------------------

    def use_store(self) -> None:
        """One verb; each type of key has its own few keys."""
        n = self.pick((0, 0, 0, 1))
        h, z, c, x, ls = (f'q + ":{kind}{n}"' for kind in "hzcxl")
        writes = (
            f"s.hset({h}, n={self.expression('int', 1)}, t={self.text(1)}, e={self.text(0)})",
            f"s.hset_value({h}, {self.text(0)}, {self.text(0)})",
            f"s.hset_fields({h}, [{self.text(0)}, {self.text(0)}])",
            f's.hdel({h}, ["t", {self.text(0)}])',
            f"s.zadd({z}, {self.expression('int', 1)}, {self.text(0)})",
            f"s.zadd_many({z}, [1, {self.expression('int', 0)}], [{self.text(0)}, {self.text(0)}])",
            f"s.set_count({c}, {self.expression('int', 1)})",
            f"s.rpush({ls}, {self.text(0)})",
            f"for f{self.used} in range({self.used % 4 * 50 or 2}):\n{'    ' * (self.depth + 1)}"
            f's.xadd({x}, {self.used % 3 + 1}, now, "e", "j", ["f", {self.text(0)}])',
            f"s.delete([{z}, {ls}])",
        )
        reads = (
            ("maybe", f"s.hget({h}, {self.pick((repr('t'), repr('n')))})"),
            ("int", f"s.read({h}, Row).n"),
            ("str", f"s.read({h}, Row).t"),
            ("bool", f"s.exists({h})"),
            ("bool", f"s.zrem({z}, {self.text(0)})"),
            ("int", f"s.zrem_many({z}, [{self.text(0)}])"),
            ("int", f"s.zcard({z})"),
            ("maybe_n", f"s.zscore({z}, {self.text(0)})"),
            ("maybe_n", f"s.zrank({z}, {self.text(0)})"),
            ("maybe_n", f"s.zlowest({z})"),
            ("maybe_n", f"s.zlowest({z})"),
            ("texts", f"s.zrange({z}, {self.below(3) - 1}, {self.below(4) - 2})"),
            ("texts", f"s.zdue({z}, {self.expression('int', 0)}, {self.below(3)})"),
            ("int", f"s.get_count({c})"),
            ("int", f"s.llen({ls})"),
            ("texts", f"s.lrange({ls}, {self.below(3) - 1}, {self.below(4) - 2})"),
            ("int", f"len(s.xafter({x}, 0, 9))"),
            ("int", f"s.xlast({x})"),
        )
        if self.below(2):
            self.emit(self.pick(writes))
            self.used += 1
            return
        kind, value = self.pick(reads)
        name = self.fresh(kind)
        self.emit(f"{name}: {self.ANNOTATIONS[kind]} = {value}")
        self.locals.append(Local(name, kind))
        self.trace(name, kind)


PARAMETERS = ("int", "huge", "str", "bool", "maybe", "maybe_n", "ints", "texts", "pair", "pairs")


def _helper(below: Choose, number: int, earlier: list[Helper]) -> tuple[Helper, list[str]]:
    kinds = tuple(pick(below, ("int", "str", "bool", "texts")) for _ in range(below(3) + 1))
    returns = pick(below, ("int", "str", "bool"))
    helper = Helper(f"helper_{number}", kinds, returns)
    writer = Writer(below, list(earlier), False, returns)
    writer.locals = [Local(f"p{i}", kind, fixed=True) for i, kind in enumerate(kinds)]
    for _ in range(below(4)):
        writer.statement()
    writer.emit(f"return {writer.result()}")
    named = ", ".join(f"p{i}: {Writer.ANNOTATIONS[kind]}" for i, kind in enumerate(kinds))
    head = f"def {helper.name}({named}) -> {returns}:"
    return helper, ["", "", head, *writer.lines]


@dataclass(frozen=True, slots=True)
class Program:
    text: str
    calls: tuple[Call, ...]


def _value(below: Choose, kind: str) -> Any:
    """An argument."""
    match kind:
        case "huge":
            return pick(below, HUGE)
        case "str":
            return pick(below, TEXTS)
        case "bool":
            return below(2) == 1
        case "maybe":
            return pick(below, (None, *TEXTS))
        case "maybe_n":
            return pick(below, (None, 0, -1, 5))
        case "pair":
            return Pair(pick(below, INTS), pick(below, TEXTS))
        case "ints" | "texts" | "pairs":
            return [_value(below, {"ints": "int", "texts": "str", "pairs": "pair"}[kind]) for _ in range(below(5))]
        case _:
            return pick(below, INTS)


def write(below: Choose) -> Program:
    """A module with helpers and one operation, and calls of it."""
    helpers: list[Helper] = []
    lines: list[str] = []
    for number in range(below(3)):
        helper, text = _helper(below, number, helpers)
        helpers.append(helper)
        lines += text
    kinds = [pick(below, PARAMETERS) for _ in range(below(7))]
    writer = Writer(below, helpers, below(2) == 1, "result")
    writer.locals = [Local("now", "huge", fixed=True)]
    writer.locals += [Local(f"p{i}", kind, fixed=True) for i, kind in enumerate(kinds)]
    if below(6) == 1:
        writer.emit(f"if {writer.boolean()}:")
        writer.emit("    refuse(Code.FORMAT)")
    writer.emit("trace: list[str] = []")
    for local in list(writer.locals):
        writer.trace(local.name, local.kind)
    for _ in range(below(14) + 1):
        writer.statement()
    writer.emit(f"return {writer.result()}")
    named = "".join(f", p{i}: {Writer.ANNOTATIONS[kind]}" for i, kind in enumerate(kinds))
    lines += ["", "", "@operation", f"def run(s: Store, q: str, now: int{named}) -> Result:", *writer.lines]
    calls = tuple(
        Call("run", pick(below, (0, 1_700_000_000_000, INT_MAX)), tuple(_value(below, kind) for kind in kinds))
        for _ in range(3)
    )
    return Program(HEADER + RECORDS + "\n".join(lines) + "\n", calls)


@st.composite
def programs(draw: Callable[[st.SearchStrategy[int]], int]) -> Program:
    """Programs that Hypothesis can make smaller."""
    return write(lambda n: draw(st.integers(0, n - 1)))


@dataclass(frozen=True, slots=True)
class Pair:
    """An argument in the shape of the program's own `Pair`."""

    n: int
    end: str
