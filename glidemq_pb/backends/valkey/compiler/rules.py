"""Every rule of the subset by number. The constant's name is the sentence; its programs are in `examples/`."""

from .diagnostics import Rule

_ALL: list[Rule] = []


def _rule(number: int, name: str, text: str) -> Rule:
    rule = Rule(number, name, text)
    _ALL.append(rule)
    return rule


SOURCE_MUST_PARSE = _rule(100, "SOURCE_MUST_PARSE", "A module is Python.")
ONE_PLAIN_TARGET = _rule(
    101,
    "ONE_PLAIN_TARGET",
    "An assignment gives one value to one plain name. Records and lists are built, not changed, except by `append`.",
)
NO_EXCEPTIONS = _rule(
    102,
    "NO_EXCEPTIONS",
    "No try, raise or assert: Valkey keeps the writes made before a Lua error. Test before, and refuse.",
)
NO_NESTED_DEFINITION = _rule(103, "NO_NESTED_DEFINITION", "No def, class or lambda inside a function.")
NO_COMPREHENSION = _rule(104, "NO_COMPREHENSION", "No comprehensions and generators: write a loop that appends.")
PLAIN_PARAMETERS = _rule(
    105, "PLAIN_PARAMETERS", "Parameters are plain names without defaults; calls have no `*` and `**`."
)
NO_SLICE = _rule(107, "NO_SLICE", "No slices: Lua has none.")
LITERALS = _rule(
    108,
    "LITERALS",
    "Literals are ints, texts, bools, None and lists. No floats: counts are ints in small units. No dicts and sets:"
    " Lua's order is arbitrary. No tuples and bytes.",
)
OPERATORS = _rule(
    109,
    "OPERATORS",
    "Operators are `+ - * // %`, comparisons, `and or not`. `/` gives floats, `**` and bit operators differ in Lua"
    " (bits are 32, signed); `**` is allowed between constants, and `in` for a name among written-out values.",
)
FSTRING_HOLDS_TEXTS = _rule(110, "FSTRING_HOLDS_TEXTS", "An f-string holds texts, without format or conversion.")
NAMES = _rule(111, "NAMES", "Names are ASCII and do not start with two underscores; `_` is assigned but never read.")
MODULE_STATEMENTS = _rule(
    112, "MODULE_STATEMENTS", "A module holds imports, constants, assertions about them, records and functions."
)
DECORATORS = _rule(
    113,
    "DECORATORS",
    "Decorators are `@operation`, with `reads_only`, `may_lag` and `frees_memory`, and `@dataclass` of records.",
)
STATEMENTS = _rule(114, "STATEMENTS", "No with, del, global, match, async, await and yield.")
IMPORTS = _rule(
    115,
    "IMPORTS",
    "Imports stand at the top and name things of the semantics package, `dataclasses`, `enum`, `typing`.",
)

TYPES = _rule(
    201,
    "TYPES",
    "Every parameter, result and field has a type of the subset: int, str, bool, `list[...]`, Fields, a record, and"
    " `X | None`.",
)
TYPE_MISMATCH = _rule(
    202, "TYPE_MISMATCH", "A value has the type that its place declares; a name has one type. A bool is no int."
)
CONDITION_NEEDS_BOOL = _rule(
    203, "CONDITION_NEEDS_BOOL", "A condition is a bool: 0, the empty text and the empty list are true in Lua."
)
OR_NEEDS_BOOLS = _rule(204, "OR_NEEDS_BOOLS", "`and`, `or` and `not` take bools, for the same reason.")
OPERANDS = _rule(
    205,
    "OPERANDS",
    "Arithmetic takes ints, `+` two ints or two texts. Lua would turn text into numbers, and numbers into text with 14"
    " digits.",
)
ORDER_NEEDS_INTS = _rule(206, "ORDER_NEEDS_INTS", "`<` and its like take ints: Lua orders text by the server's locale.")
EQUALITY_NEEDS_SCALARS = _rule(
    207, "EQUALITY_NEEDS_SCALARS", "`==` takes two ints, two texts or two bools: Lua compares tables by identity."
)
DIVISOR_IS_A_POSITIVE_CONSTANT = _rule(
    208,
    "DIVISOR_IS_A_POSITIVE_CONSTANT",
    "The divisor of `//` and `%` is a positive constant, or `max` with one: Lua divides by zero without an error.",
)
NONE_HAS_ITS_PLACES = _rule(
    209,
    "NONE_HAS_ITS_PLACES",
    "No None in lists, which it would cut, and no `bool | None`, for None and False are one value in Lua.",
)
NONE_IS_CHECKED_FIRST = _rule(
    210, "NONE_IS_CHECKED_FIRST", "A value that may be None is tested with `is None` before it is used."
)
NAME_IS_KNOWN = _rule(211, "NAME_IS_KNOWN", "A name is a local, a parameter or a constant.")
CALL_IS_KNOWN = _rule(
    212,
    "CALL_IS_KNOWN",
    "What is called is a helper, a builtin of lang.py, a verb of the Store, a record, `len`, `min` or `max`. Texts have"
    " no methods, lists have `append`.",
)
ARGUMENTS_FIT = _rule(213, "ARGUMENTS_FIT", "A call gives every parameter once, by place or by name.")
NO_LENGTH_OF_TEXT = _rule(
    214, "NO_LENGTH_OF_TEXT", "`len` is of lists: of text, Python counts characters and Lua bytes."
)
INDEX_FROM_ZERO_UP = _rule(
    215,
    "INDEX_FROM_ZERO_UP",
    "An index counts from 0 up, and stays below `len`: Lua reads nil beyond, without an error.",
)
EMPTY_LIST_NEEDS_TYPE = _rule(217, "EMPTY_LIST_NEEDS_TYPE", "An empty list stands where its type is declared.")
FIELD_IS_KNOWN = _rule(218, "FIELD_IS_KNOWN", "Only records have attributes, and only their fields.")
RECORDS = _rule(
    219, "RECORDS", "A class is a record, `@dataclass(frozen=True, slots=True)` with typed fields only, or a StrEnum."
)
CONSTANTS = _rule(
    220,
    "CONSTANTS",
    "What a module assigns is `Final` and known when compiling. Ints are within 2**53 - 1, for Lua's numbers are"
    " doubles; characters of texts are bytes.",
)
ROWS_HOLD_INTS_AND_TEXTS = _rule(
    221, "ROWS_HOLD_INTS_AND_TEXTS", "`read` takes a key and a record whose fields are ints and texts."
)
CHAIN_MIDDLE_IS_A_NAME = _rule(
    222, "CHAIN_MIDDLE_IS_A_NAME", "In `a < b < c` the middle is a name or a constant: Lua evaluates it twice."
)
RESULT_IS_USED = _rule(
    223, "RESULT_IS_USED", "A statement of its own is a call of a helper or verb; a call without a result is no value."
)
IS_COMPARES_WITH_NONE = _rule(224, "IS_COMPARES_WITH_NONE", "`is` compares an `X | None` with None, and nothing else.")
STORE_IS_NO_VALUE = _rule(
    225, "STORE_IS_NO_VALUE", "The Store is asked and passed on; it is no value. Lua has only one."
)

NO_WHILE = _rule(301, "NO_WHILE", "No while: a loop without a bound blocks the server.")
NO_UNREACHABLE_CODE = _rule(
    302, "NO_UNREACHABLE_CODE", "No statement follows one that always leaves: in Lua that is a syntax error."
)
ASSIGNED_BEFORE_READ = _rule(303, "ASSIGNED_BEFORE_READ", "A name is assigned on every path that leads to its use.")
LOOP_VARIABLE_STAYS = _rule(
    304,
    "LOOP_VARIABLE_STAYS",
    "A loop variable is used in its loop only, and neither assigned nor another variable's name.",
)
LOOPS_RUN_OVER_LISTS = _rule(306, "LOOPS_RUN_OVER_LISTS", "`for` runs over a list or a `range`.")
NO_CHANGE_WHILE_ITERATING = _rule(
    307, "NO_CHANGE_WHILE_ITERATING", "A list is not appended to while a loop runs over it."
)
NO_RECURSION = _rule(308, "NO_RECURSION", "No function calls itself, directly or through others.")
EVERY_PATH_RETURNS = _rule(309, "EVERY_PATH_RETURNS", "Every path returns a value where a result is declared.")
STEP_IS_A_CONSTANT = _rule(310, "STEP_IS_A_CONSTANT", "The step of a `range` is a constant other than 0.")
NO_LOOP_ELSE = _rule(311, "NO_LOOP_ELSE", "No `else` on a loop.")

REFUSE_BEFORE_WRITE = _rule(
    401,
    "REFUSE_BEFORE_WRITE",
    "On every path all refusals come before the first write, also those made by helpers: nothing rolls back.",
)
REFUSE_IN_OPERATIONS = _rule(
    402, "REFUSE_IN_OPERATIONS", "`refuse(code)` is a statement of an operation's own body, and the code is a constant."
)
OPERATION_PARAMETERS = _rule(
    403, "OPERATION_PARAMETERS", "The parameters of an operation start with `s: Store, q: str, now: int`."
)
READS_ONLY_NEVER_WRITES = _rule(
    404, "READS_ONLY_NEVER_WRITES", "A `reads_only` operation writes nothing, also not through helpers."
)
ONE_EFFECT_AT_A_TIME = _rule(
    405,
    "ONE_EFFECT_AT_A_TIME",
    "A call that writes is not evaluated together with others that read or write: Lua leaves their order open.",
)
OPERATIONS_ARE_NOT_CALLED = _rule(
    406, "OPERATIONS_ARE_NOT_CALLED", "An operation is called by backends only; what operations share is a helper."
)
ONE_NAME_ONE_FUNCTION = _rule(
    407, "ONE_NAME_ONE_FUNCTION", "A function or class has a name of its own in the whole package."
)

FEW_LOCALS = _rule(501, "FEW_LOCALS", "A function has at most 150 locals; Lua allows 200.")
FEW_PARTS = _rule(502, "FEW_PARTS", "A call, list or concatenation has at most 100 parts; Lua has about 250 registers.")
SHALLOW_NESTING = _rule(503, "SHALLOW_NESTING", "Blocks and expressions nest at most 20 deep; Lua allows 200 levels.")

ALL: tuple[Rule, ...] = tuple(sorted(_ALL, key=lambda rule: rule.number))
