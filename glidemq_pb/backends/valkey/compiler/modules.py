"""The modules of a program: imports, constants, records, enums and signatures, resolved on demand."""

import ast
from collections.abc import Sequence

from . import rules, types
from .constants import compare, fold
from .diagnostics import Location, Log, RejectedError, Rule
from .symbols import Constant, Enum, Module, ModuleName, Signature, Source, Special, Symbol, Value, place
from .types import Record, Type

_OUTSIDE = {
    "dataclasses": {"dataclass"},
    "typing": {"Final", "NewType", "NoReturn", "Protocol", "TypeVar", "ParamSpec", "overload"},
    "enum": {"StrEnum"},
    "collections.abc": {"Callable", "Sequence"},
    "__future__": {"annotations"},
}
_SCALARS: dict[str, Type] = {"int": types.INT, "str": types.STR, "bool": types.BOOL, "Store": types.STORE}
_SPECIAL = {"operation", "refuse", "Fields", "Refusal"}


class Program:
    """All modules. Names are resolved when asked for, whatever the order of modules."""

    def __init__(self, sources: Sequence[Source], log: Log) -> None:
        self.log = log
        self.modules: dict[str, Module] = {}
        self._owners: dict[str, str] = {}
        self._open: set[tuple[str, str]] = set()
        for source in sources:
            self._load(source)

    def refuse(self, rule: Rule, path: str, node: ast.AST, message: str, hint: str) -> RejectedError:
        self.log.report(rule, place(path, node), message, hint)
        return RejectedError()

    def _load(self, source: Source) -> None:
        try:
            tree = ast.parse(source.text, source.path)
        except SyntaxError as error:
            at = Location(source.path, error.lineno or 1, max((error.offset or 1) - 1, 0), 10**6)
            self.log.report(rules.SOURCE_MUST_PARSE, at, f"not Python: {error.msg}", "correct the syntax")
            return
        module = Module(source, tree)
        self.modules[source.module] = module
        for stmt in tree.body:
            try:
                self._declare(module, stmt)
            except RejectedError:
                continue

    def _declare(self, module: Module, stmt: ast.stmt) -> None:
        path = module.source.path
        match stmt:
            case ast.Expr(ast.Constant(str())):
                return
            case ast.Import() | ast.ImportFrom():
                self._import(module, stmt)
            case ast.AnnAssign(ast.Name(name)) | ast.Assign([ast.Name(name)]):
                module.nodes[name] = stmt
            case ast.FunctionDef() | ast.ClassDef():
                if stmt.name in module.nodes and module.source.compiled:
                    message = f"`{stmt.name}` is defined twice"
                    raise self.refuse(rules.ONE_NAME_ONE_FUNCTION, path, stmt, message, "give one of them another name")
                module.nodes[stmt.name] = stmt
                if module.source.compiled:
                    self._own(module, stmt)
            case ast.Assert():
                return
            case _:
                if module.source.compiled:
                    message = "a module holds imports, constants, records and functions only"
                    raise self.refuse(rules.MODULE_STATEMENTS, path, stmt, message, "move this into a function")

    def _own(self, module: Module, stmt: ast.FunctionDef | ast.ClassDef) -> None:
        owner = self._owners.setdefault(stmt.name, module.source.module)
        if owner != module.source.module:
            message = f"`{stmt.name}` is the name of a thing of {owner} as well"
            hint = "Lua keeps all functions side by side; choose a name that says what is special here"
            raise self.refuse(rules.ONE_NAME_ONE_FUNCTION, module.source.path, stmt, message, hint)

    def _import(self, module: Module, stmt: ast.Import | ast.ImportFrom) -> None:
        path = module.source.path
        hint = "import names of the semantics package, `dataclasses`, `enum` or `typing`"
        if isinstance(stmt, ast.Import):
            raise self.refuse(rules.IMPORTS, path, stmt, f"`{stmt.names[0].name}` cannot be imported here", hint)
        for alias in stmt.names:
            name = alias.asname or alias.name
            origin = stmt.module or ""
            if origin in _OUTSIDE and stmt.level == 0:
                if alias.name not in _OUTSIDE[origin]:
                    raise self.refuse(rules.IMPORTS, path, stmt, f"`{alias.name}` has no meaning here", hint)
                module.imports[name] = Special(alias.name)
            elif origin == "" or origin.endswith("semantics"):
                module.imports[name] = ModuleName(alias.name)
            elif stmt.level == 1 or origin.split(".")[-2:-1] == ["semantics"]:
                module.imports[name] = (origin.rsplit(".", maxsplit=1)[-1], alias.name)
            else:
                raise self.refuse(rules.IMPORTS, path, stmt, f"`{origin}` cannot be imported here", hint)

    def check_modules(self) -> None:
        """Resolve every name of every compiled module, and try the assertions about constants."""
        for module in self.modules.values():
            if not module.source.compiled:
                continue
            for name in [*module.imports, *module.nodes]:
                try:
                    self.find(module.source.module, name)
                except RejectedError:
                    continue
            for stmt in module.tree.body:
                if isinstance(stmt, ast.Assert):
                    self._try_assertion(module, stmt)

    def _try_assertion(self, module: Module, stmt: ast.Assert) -> None:
        try:
            holds = self.evaluate(module, stmt.test)
        except RejectedError:
            return
        if holds is not True:
            self.refuse(rules.CONSTANTS, module.source.path, stmt, "the assertion does not hold", "correct the bound")

    def find(self, module_name: str, name: str) -> Symbol | None:
        """What a module-level name stands for; None when nothing bears it. Raises RejectedError for a broken one."""
        module = self.modules.get(module_name)
        if module is None:
            return None
        if (module_name, name) in self._open:
            node = module.nodes[name]
            message = f"`{name}` is defined by itself"
            raise self.refuse(rules.CONSTANTS, module.source.path, node, message, "break the circle")
        if name in module.symbols:
            known = module.symbols[name]
            if known is None:
                raise RejectedError
            return known
        module.symbols[name] = None
        self._open.add((module_name, name))
        try:
            symbol = self._resolve(module, name)
        finally:
            self._open.discard((module_name, name))
        if symbol is None:
            del module.symbols[name]
        else:
            module.symbols[name] = symbol
        return symbol

    def _resolve(self, module: Module, name: str) -> Symbol | None:
        if module.source.module == "lang" and name in _SPECIAL:
            return Special(name)
        if module.source.module == "store" and name == "Store":
            return Special("Store")
        imported = module.imports.get(name)
        if isinstance(imported, tuple):
            symbol = self.find(*imported)
            if symbol is None:
                at = module.tree.body[0]
                for stmt in module.tree.body:
                    if isinstance(stmt, ast.ImportFrom) and any((a.asname or a.name) == name for a in stmt.names):
                        at = stmt
                message = f"`{imported[0]}` has no `{imported[1]}`"
                raise self.refuse(rules.IMPORTS, module.source.path, at, message, "import what that module defines")
            return symbol
        if imported is not None:
            return imported
        node = module.nodes.get(name)
        match node:
            case ast.FunctionDef():
                return self._signature(module, node)
            case ast.ClassDef():
                return self._class(module, node)
            case ast.AnnAssign() | ast.Assign():
                return self._constant(module, node)
            case _:
                return None

    def _constant(self, module: Module, node: ast.AnnAssign | ast.Assign) -> Constant:
        path = module.source.path
        annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
        outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        final = isinstance(outer, ast.Name) and self.find(module.source.module, outer.id) == Special("Final")
        if node.value is None or (module.source.compiled and not final):
            message = "a module-level name is a constant"
            raise self.refuse(
                rules.CONSTANTS, path, node, message, "write `NAME: Final = value`; functions keep no state"
            )
        return Constant(self.evaluate(module, node.value))

    def evaluate(self, module: Module, node: ast.expr) -> Value:
        """The value of a constant expression, computed as Python does."""
        match node:
            case ast.Constant(bool() | int() | str() | None as value):
                return value
            case ast.Name(name):
                symbol = self.find(module.source.module, name)
                if isinstance(symbol, Constant):
                    return symbol.value
            case ast.Attribute(ast.Name(name), attribute):
                symbol = self.find(module.source.module, name)
                if isinstance(symbol, Enum) and attribute in symbol.members:
                    return symbol.members[attribute]
                if isinstance(symbol, ModuleName):
                    constant = self.find(symbol.module, attribute)
                    if isinstance(constant, Constant):
                        return constant.value
            case ast.Tuple(items) | ast.List(items):
                return tuple(self.evaluate(module, item) for item in items)
            case ast.UnaryOp(ast.USub(), operand):
                negated = self.evaluate(module, operand)
                if isinstance(negated, int):
                    return -negated
            case ast.BinOp(left, op, right):
                folded = fold(op, self.evaluate(module, left), self.evaluate(module, right))
                if folded is not None:
                    return folded
            case ast.Compare(left, [op], [right]):
                compared = compare(op, self.evaluate(module, left), self.evaluate(module, right))
                if compared is not None:
                    return compared
            case ast.BoolOp(op, values):
                found = [self.evaluate(module, value) for value in values]
                if all(isinstance(value, bool) for value in found):
                    return all(found) if isinstance(op, ast.And) else any(found)
            case _:
                pass
        message = "not a constant that the compiler can compute"
        hint = "write literals, other constants and + - * // % ** between them"
        raise self.refuse(rules.CONSTANTS, module.source.path, node, message, hint)

    def _class(self, module: Module, node: ast.ClassDef) -> Symbol | None:
        path = module.source.path
        bases = [self._special(module, base) for base in node.bases]
        if bases == ["StrEnum"]:
            members: dict[str, str] = {}
            for stmt in node.body:
                match stmt:
                    case ast.Assign([ast.Name(name)], ast.Constant(str() as value)):
                        members[name] = value
                    case ast.Expr(ast.Constant(str())):
                        continue
                    case _:
                        hint = 'write `NAME = "NAME"`'
                        raise self.refuse(rules.RECORDS, path, stmt, "an enum holds texts only", hint)
            return Enum(members)
        if not module.source.compiled and bases:
            return None
        if not _is_frozen_dataclass(node) or bases:
            hint = "write `@dataclass(frozen=True, slots=True)` above a class without bases"
            raise self.refuse(rules.RECORDS, path, node, f"`{node.name}` is neither a record nor a StrEnum", hint)
        return Record(node.name, module.source.module, self._fields(module, node))

    def _fields(self, module: Module, node: ast.ClassDef) -> tuple[tuple[str, Type], ...]:
        fields: list[tuple[str, Type]] = []
        for stmt in node.body:
            match stmt:
                case ast.Expr(ast.Constant(str())):
                    continue
                case ast.AnnAssign(ast.Name(name), annotation, None):
                    declared = self.annotation(module, annotation)
                    if declared in (types.STORE, types.NONE):
                        raise self.refuse(
                            rules.TYPES, module.source.path, stmt, f"a field cannot be a {declared}", _TYPES
                        )
                    fields.append((name, declared))
                case _:
                    hint = "write `name: type`, without a default and without methods"
                    message = "a record holds typed fields only"
                    raise self.refuse(rules.RECORDS, module.source.path, stmt, message, hint)
        if not fields:
            raise self.refuse(rules.RECORDS, module.source.path, node, "a record has a field", "add one")
        return tuple(fields)

    def _special(self, module: Module, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            symbol = self.find(module.source.module, node.id)
            return symbol.name if isinstance(symbol, Special) else None
        return None

    def verb(self, name: str) -> Signature | None:
        """The signature that the Store protocol gives a verb, without `self`; None for an unknown one."""
        store = self.modules["store"]
        protocol = store.nodes["Store"]
        if isinstance(protocol, ast.ClassDef):
            for method in protocol.body:
                if isinstance(method, ast.FunctionDef) and method.name == name:
                    given = method.args.args[1:]
                    parameters = tuple((one.arg, self.annotation(store, one.annotation)) for one in given)
                    return Signature(name, "store", parameters, self.annotation(store, method.returns), operation=False)
        return None

    def annotation(self, module: Module, node: ast.expr | None) -> Type:
        """The type that an annotation stands for."""
        path = module.source.path
        match node:
            case ast.Constant(None):
                return types.NONE
            case ast.Name(name):
                symbol = self.find(module.source.module, name)
                if isinstance(symbol, Record):
                    return symbol
                if symbol == Special("Fields"):
                    return types.FIELDS
                if symbol == Special("NoReturn"):
                    return types.NONE
                known = _SCALARS.get(name)
                if known is not None and (symbol is None or symbol == Special("Store")):
                    return known
            case ast.Attribute(ast.Name(name), attribute):
                symbol = self.find(module.source.module, name)
                inner = self.find(symbol.module, attribute) if isinstance(symbol, ModuleName) else None
                if isinstance(inner, Record):
                    return inner
            case ast.Subscript(ast.Name("list"), item):
                inside = self.annotation(module, item)
                if isinstance(inside, types.Maybe) or inside in (types.NONE, types.STORE):
                    message = f"a list cannot hold {inside}"
                    raise self.refuse(rules.NONE_HAS_ITS_PLACES, path, node, message, "leave the missing ones out")
                return types.ListOf(inside)
            case ast.BinOp(inner, ast.BitOr(), ast.Constant(None)):
                inside = self.annotation(module, inner)
                if inside in (types.BOOL, types.NONE, types.STORE) or isinstance(inside, types.Maybe):
                    hint = "None and False are one value in Lua; use two bools, or a text"
                    message = f"`{inside} | None` is not of the subset"
                    raise self.refuse(rules.NONE_HAS_ITS_PLACES, path, node, message, hint)
                return types.Maybe(inside)
            case _:
                pass
        shown = "nothing" if node is None else f"`{ast.unparse(node)}`"
        where = node if node is not None else module.tree
        raise self.refuse(rules.TYPES, path, where, f"{shown} is not a type of the subset", _TYPES)

    def _signature(self, module: Module, node: ast.FunctionDef) -> Signature:
        path = module.source.path
        a = node.args
        extra = a.posonlyargs or a.kwonlyargs or a.defaults or a.vararg or (a.kwarg and module.source.compiled)
        if extra and module.source.compiled:
            hint = "write plain parameters; give every argument at the call"
            message = "parameters are plain names without defaults"
            raise self.refuse(rules.PLAIN_PARAMETERS, path, node, message, hint)
        operation = False
        for decorator in node.decorator_list:
            inner = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self._special(module, inner) != "operation":
                message = f"`@{ast.unparse(decorator)}` has no meaning here"
                raise self.refuse(rules.DECORATORS, path, decorator, message, "leave it out, or write `@operation`")
            operation = True
        parameters: list[tuple[str, Type]] = []
        for argument in a.args:
            if argument.annotation is None:
                raise self.refuse(rules.TYPES, path, argument, f"`{argument.arg}` has no type", "annotate it")
            parameters.append((argument.arg, self.annotation(module, argument.annotation)))
        if node.returns is None:
            raise self.refuse(rules.TYPES, path, node, f"`{node.name}` has no result type", "write `-> None` or a type")
        returns = self.annotation(module, node.returns)
        if returns == types.STORE:
            raise self.refuse(
                rules.STORE_IS_NO_VALUE, path, node.returns, "the Store cannot be returned", "return a value"
            )
        return Signature(node.name, module.source.module, tuple(parameters), returns, operation)


_TYPES = "types are int, str, bool, list[...], Fields, records, and `X | None` for a parameter, a result or a local"


def _is_frozen_dataclass(node: ast.ClassDef) -> bool:
    match node.decorator_list:
        case [ast.Call(ast.Name("dataclass"), [], keywords)]:
            given = {k.arg: k.value.value for k in keywords if isinstance(k.value, ast.Constant)}
            return given == {"frozen": True, "slots": True}
        case _:
            return False
