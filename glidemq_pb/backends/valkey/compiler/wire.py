"""How values cross the boundary: arguments in, replies out, rows of hashes. All derived from annotations."""

from collections.abc import Sequence

from . import lua_ast as lua
from . import tree, types
from .names import field_name, local_name
from .types import Record, Type


def _runtime(name: str) -> lua.Expr:
    return lua.Member(lua.Name("R"), name)


def _argument(at: lua.Expr) -> lua.Expr:
    return lua.Item(lua.Name("args"), at)


def _moved(at: lua.Expr, by: int) -> lua.Expr:
    if isinstance(at, lua.Number):
        return lua.Number(at.value + by)
    return at if by == 0 else lua.Operation("+", at, lua.Number(by))


AT = lua.Name("at")


def size(kind: Type) -> int | None:
    """How many arguments a value takes, None when that varies."""
    match kind:
        case types.ListOf(types.STR) | types.FIELDS:
            return 1  # unpacked it is already what it is to be
        case types.Record():
            sizes = [size(field) for _, field in kind.fields]
            return None if None in sizes else sum(one or 0 for one in sizes)
        case types.ListOf() | types.Maybe():
            return None
        case _:
            return 1


def _word(kind: Type) -> str:
    """A type in a function's name."""
    match kind:
        case types.ListOf(item):
            return f"list_of_{_word(item)}"
        case types.Maybe(inner):
            return f"maybe_{_word(inner)}"
        case _:
            return str(kind)


class Codec:
    """Collects the functions of `R` that the library needs, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._made: dict[str, lua.Closure] = {}

    def functions(self) -> Sequence[tuple[str, lua.Closure]]:
        return tuple(self._made.items())

    # --- rows ---------------------------------------------------------------------------------------------------------

    def row_field(self, found: lua.Expr, kind: Type) -> lua.Expr:
        """One field of a hash, its type's zero when missing."""
        number = lua.Name("tonumber")
        match kind, found:
            case types.INT, lua.Call():  # a command, which is sent once
                return lua.Call(number, (lua.Operation("or", found, lua.Number(0)),))
            case types.INT, _:
                return lua.Operation("or", lua.Operation("and", found, lua.Call(number, (found,))), lua.Number(0))
            case _:
                return lua.Operation("or", found, lua.Text(""))

    def row(self, record: Record) -> str:
        """The function that reads a hash into a record."""
        name = f"read_{record.name}"
        if name not in self._made:
            names = tuple(lua.Text(field) for field, _ in record.fields)
            call = lua.Call(lua.Member(lua.Name("redis"), "call"), (lua.Text("HMGET"), lua.Name("key"), *names))
            fields = tuple(
                (field_name(field), self.row_field(lua.Item(lua.Name("v"), lua.Number(i)), kind))
                for i, (field, kind) in enumerate(record.fields, start=1)
            )
            body = (lua.Declare(("v",), (call,)), lua.Return((lua.Table(named=fields),)))
            self._made[name] = lua.Closure(("key",), body)
        return name

    # --- replies ------------------------------------------------------------------------------------------------------

    def reply(self, kind: Type, value: lua.Expr) -> lua.Expr:
        """A value as the server replies it."""
        match kind:
            case types.BOOL if isinstance(value, lua.Flag):
                return lua.Number(int(value.value))
            case types.BOOL:
                return lua.Operation("or", lua.Operation("and", value, lua.Number(1)), lua.Number(0))
            case types.Maybe(inner) if not self._as_it_is(inner):
                return lua.Call(_runtime(self._replier(kind)), (value,))
            case types.Record() | types.ListOf() if not self._as_it_is(kind):
                return lua.Call(_runtime(self._replier(kind)), (value,))
            case _:
                return value

    def reply_fields(self, record: Record, values: Sequence[lua.Expr]) -> lua.Expr:
        """A record as the server replies it, from the values of its fields."""
        kinds = [kind for _, kind in record.fields]
        return lua.Table(tuple(self.reply(kind, value) for kind, value in zip(kinds, values, strict=True)))

    def _as_it_is(self, kind: Type) -> bool:
        match kind:
            case types.BOOL | types.Record():
                return False
            case types.ListOf(item):
                return self._as_it_is(item)
            case types.Maybe(inner):
                return self._as_it_is(inner)
            case _:
                return True

    def _replier(self, kind: Type) -> str:
        name = f"reply_{_word(kind)}"
        if name in self._made:
            return name
        v = lua.Name("v")
        match kind:
            case types.Record():
                values = [lua.Member(v, field_name(field)) for field, _ in kind.fields]
                body: lua.Block = (lua.Return((self.reply_fields(kind, values),)),)
            case types.ListOf(item):
                end = lua.Operation("+", lua.Prefix("#", lua.Name("out")), lua.Number(1))
                step = lua.Set((lua.Item(lua.Name("out"), end),), (self.reply(item, lua.Name("one")),))
                body = (
                    lua.Declare(("out",), (lua.Table(),)),
                    lua.ForItems("one", v, (step,)),
                    lua.Return((lua.Name("out"),)),
                )
            case _:
                inner = self.reply(types.strip_none(kind), v)
                body = (lua.Return((lua.Operation("and", v, inner),)),)
        self._made[name] = lua.Closure(("v",), body)
        return name

    # --- arguments ----------------------------------------------------------------------------------------------------

    def _take(self, kind: Type, at: lua.Expr) -> lua.Expr:
        """A value that starts at `at`: an expression whose second result, if its size varies, is where it ends."""
        match kind:
            case types.INT:
                return lua.Call(_runtime("whole"), (_argument(at),))
            case types.BOOL:
                return lua.Call(_runtime("flag"), (_argument(at),))
            case types.STR:
                return _argument(at)
            case types.ListOf(types.STR) | types.FIELDS:
                return lua.Call(_runtime("list"), (_argument(at),))
            case _:
                return lua.Call(_runtime(self._taker(kind)), (lua.Name("args"), at))

    def _taker(self, kind: Type) -> str:
        name = f"take_{_word(kind)}"
        if name in self._made:
            return name
        match kind:
            case types.Record():
                body = self._record_body(kind)
            case types.ListOf(item):
                body = self._list_body(item)
            case _:
                body = self._maybe_body(types.strip_none(kind))
        self._made[name] = lua.Closure(("args", "at"), body)
        return name

    def _fixed(self, record: Record) -> lua.Expr:
        """A record of fixed size that starts at `at`."""
        named: list[tuple[str, lua.Expr]] = []
        offset = 0
        for field, kind in record.fields:
            named.append((field_name(field), self._take(kind, _moved(AT, offset))))
            offset += size(kind) or 0
        return lua.Table(named=tuple(named))

    def _record_body(self, record: Record) -> lua.Block:
        """Fields before the first of varying size are read from fixed places."""
        width = size(record)
        if width is not None:
            return (lua.Return((self._fixed(record), _moved(AT, width))),)
        fixed: list[tuple[str, lua.Expr]] = []
        rest: list[lua.Stmt] = []
        v, offset = lua.Name("v"), 0
        for field, kind in record.fields:
            width = size(kind)
            value = self._take(kind, _moved(AT, offset))
            target = lua.Member(v, field_name(field))
            if width is None:
                rest.append(lua.Set((target, AT), (value,)))
                offset = 0
                continue
            if rest:
                rest.append(lua.Set((target,), (value,)))
            else:
                fixed.append((field_name(field), value))
            offset += width
        return (lua.Declare(("v",), (lua.Table(named=tuple(fixed)),)), *rest, lua.Return((v, _moved(AT, offset))))

    def _list_body(self, item: Type) -> lua.Block:
        count = lua.Call(_runtime("count"), (lua.Name("args"), AT))
        items, i = lua.Name("items"), lua.Name("i")
        start = lua.Declare(("count", "items"), (count, lua.Table()))
        if size(item) == 1:
            value = self._take(item, lua.Operation("+", AT, i))
            step: lua.Block = (lua.Set((lua.Item(items, i),), (value,)),)
            end = lua.Operation("+", lua.Operation("+", AT, lua.Name("count")), lua.Number(1))
            return (start, lua.ForNumber("i", lua.Number(1), lua.Name("count"), 1, step), lua.Return((items, end)))
        step = (lua.Set((lua.Item(items, i), AT), (self._take(item, AT),)),)
        width = size(item)
        if isinstance(item, types.Record) and width is not None:  # in place: a call for each would cost more than it
            step = (lua.Set((lua.Item(items, i),), (self._fixed(item),)), lua.Set((AT,), (_moved(AT, width),)))
        advance = lua.Set((AT,), (lua.Operation("+", AT, lua.Number(1)),))
        loop = lua.ForNumber("i", lua.Number(1), lua.Name("count"), 1, step)
        return (start, advance, loop, lua.Return((items, AT)))

    def _maybe_body(self, inner: Type) -> lua.Block:
        after = lua.Operation("+", AT, lua.Number(1))
        present = lua.Call(_runtime("flag"), (_argument(AT),))
        absent = lua.If(((lua.Prefix("not", present), (lua.Return((lua.Flag(False), after)),)),))
        if size(inner) == 1:
            return (absent, lua.Return((self._take(inner, after), lua.Operation("+", AT, lua.Number(2)))))
        return (absent, lua.Return((self._take(inner, after),)))

    def entry(self, function: tree.Function) -> lua.Closure:
        """What the server calls: decodes all arguments, then runs the operation."""
        at: lua.Expr = lua.Number(2)
        offset = 0
        body: list[lua.Stmt] = []
        now = lua.Call(_runtime("now"), (_argument(lua.Number(1)),))
        given: list[lua.Expr] = [lua.Item(lua.Name("keys"), lua.Number(1)), now]
        parameters = function.parameters[2:]
        for i, (name, kind) in enumerate(parameters):
            target = lua.Name(local_name(name))
            value = self._take(kind, _moved(at, offset))
            width = size(kind)
            offset += width or 0
            if width is None:
                first = at != AT
                body.append(lua.Declare((target.name, "at") if first else (target.name,), (value,) if first else ()))
                if not first:
                    body.append(lua.Set((target, AT), (value,)))
                at, offset = AT, 0
            elif at == AT and any(size(later) is None for _, later in parameters[i:]):
                body.append(lua.Declare((target.name,), (value,)))  # `at` moves on before the call
            else:
                given.append(value)
                continue
            given.append(target)
        body.append(lua.Do(lua.Call(_runtime("done"), (lua.Name("args"), _moved(at, offset)))))
        call = lua.Call(lua.Member(lua.Name("O"), field_name(function.name)), tuple(given))
        packed = lua.Call(lua.Member(lua.Name("cmsgpack"), "unpack"), (_argument(lua.Number(1)),))
        body.insert(0, lua.Set((lua.Name("args"),), (packed,)))
        body.insert(0, lua.Do(lua.Call(_runtime("begin"), ())))
        if function.operation is None or not function.operation.reads_only:
            call = lua.Call(_runtime("write"), (call,))
        reply = lua.Call(lua.Member(lua.Name("cmsgpack"), "pack"), (call,))
        return lua.Closure(("keys", "args"), (*body, lua.Return((reply,))))
