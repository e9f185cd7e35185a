"""Every rule of the subset by name. The constant's name is the sentence."""

from .diagnostics import Rule

_ALL: list[Rule] = []


def _rule(number: int, name: str, text: str, rejected: str = "", accepted: str = "") -> Rule:
    rule = Rule(number, name, text, rejected, accepted)
    _ALL.append(rule)
    return rule


SOURCE_MUST_PARSE = _rule(100, "SOURCE_MUST_PARSE", "A module is Python.")
ONE_PLAIN_TARGET = _rule(101, "ONE_PLAIN_TARGET", "An assignment gives one value to one plain name.")
NO_EXCEPTIONS = _rule(102, "NO_EXCEPTIONS", "No try, raise or assert.")
NO_NESTED_DEFINITION = _rule(103, "NO_NESTED_DEFINITION", "No def, class or lambda inside a function.")
NO_COMPREHENSION = _rule(104, "NO_COMPREHENSION", "No comprehension.")
PLAIN_PARAMETERS = _rule(105, "PLAIN_PARAMETERS", "Parameters are plain names without defaults; no star arguments.")
NO_SLICE = _rule(107, "NO_SLICE", "No slices.")
LITERALS = _rule(108, "LITERALS", "Literals are ints, texts, bools, None and lists.")
OPERATORS = _rule(109, "OPERATORS", "Operators are + - * // % and comparisons.")
FSTRING_HOLDS_TEXTS = _rule(110, "FSTRING_HOLDS_TEXTS", "An f-string holds texts, without format or conversion.")
NAMES = _rule(111, "NAMES", "Names are ASCII and do not start with two underscores; `_` is never read.")
MODULE_STATEMENTS = _rule(112, "MODULE_STATEMENTS", "A module holds imports, constants, records and functions.")
DECORATORS = _rule(113, "DECORATORS", "Decorators are @operation and @dataclass(frozen=True, slots=True).")
STATEMENTS = _rule(114, "STATEMENTS", "Statements not of the subset.")
IMPORTS = _rule(115, "IMPORTS", "Imports name things of the semantics package.")

TYPES = _rule(201, "TYPES", "Every parameter and result has a type of the subset.")
TYPE_MISMATCH = _rule(202, "TYPE_MISMATCH", "A value has the type that its place declares.")
CONDITION_NEEDS_BOOL = _rule(203, "CONDITION_NEEDS_BOOL", "A condition is a bool.")
OR_NEEDS_BOOLS = _rule(204, "OR_NEEDS_BOOLS", "`and`, `or` and `not` take bools.")
OPERANDS = _rule(205, "OPERANDS", "Arithmetic takes ints; `+` takes two ints or two texts.")
ORDER_NEEDS_INTS = _rule(206, "ORDER_NEEDS_INTS", "`<` and its like take ints.")
EQUALITY_NEEDS_SCALARS = _rule(207, "EQUALITY_NEEDS_SCALARS", "`==` takes two ints, two texts or two bools.")
DIVISOR_IS_A_POSITIVE_CONSTANT = _rule(208, "DIVISOR_IS_A_POSITIVE_CONSTANT", "Divisors are positive.")
NONE_HAS_ITS_PLACES = _rule(209, "NONE_HAS_ITS_PLACES", "No None in lists; no `bool | None`.")
NONE_IS_CHECKED_FIRST = _rule(210, "NONE_IS_CHECKED_FIRST", "A value that may be None is checked before it is used.")
NAME_IS_KNOWN = _rule(211, "NAME_IS_KNOWN", "A name is a local, a constant, a record, a helper or a builtin.")
CALL_IS_KNOWN = _rule(212, "CALL_IS_KNOWN", "Helpers, builtins of lang.py, verbs of the Store, records.")
ARGUMENTS_FIT = _rule(213, "ARGUMENTS_FIT", "A call gives every parameter once.")
NO_LENGTH_OF_TEXT = _rule(214, "NO_LENGTH_OF_TEXT", "`len` is of a list.")
INDEX_FROM_ZERO_UP = _rule(215, "INDEX_FROM_ZERO_UP", "An index counts from 0 up.")
EMPTY_LIST_NEEDS_TYPE = _rule(217, "EMPTY_LIST_NEEDS_TYPE", "An empty list stands where its type is declared.")
FIELD_IS_KNOWN = _rule(218, "FIELD_IS_KNOWN", "Only records have attributes.")
RECORDS = _rule(219, "RECORDS", "A record is a frozen, slotted dataclass with typed fields.")
CONSTANTS = _rule(
    220, "CONSTANTS", "A constant is Final and known when compiling; ints are within 2**53, text is bytes."
)
ROWS_HOLD_INTS_AND_TEXTS = _rule(221, "ROWS_HOLD_INTS_AND_TEXTS", "`read` takes a record of ints and texts.")
CHAIN_MIDDLE_IS_A_NAME = _rule(222, "CHAIN_MIDDLE_IS_A_NAME", "In `a < b < c` the middle is a name or a constant.")
RESULT_IS_USED = _rule(223, "RESULT_IS_USED", "A statement of its own is a call; a call without a result is no value.")
IS_COMPARES_WITH_NONE = _rule(224, "IS_COMPARES_WITH_NONE", "`is` compares with None only.")
STORE_IS_NO_VALUE = _rule(225, "STORE_IS_NO_VALUE", "The Store is passed on, nothing else.")

NO_WHILE = _rule(301, "NO_WHILE", "No while.")
NO_UNREACHABLE_CODE = _rule(302, "NO_UNREACHABLE_CODE", "No statement follows one that leaves.")
ASSIGNED_BEFORE_READ = _rule(303, "ASSIGNED_BEFORE_READ", "A name is assigned on every path that leads to its use.")
LOOP_VARIABLE_STAYS = _rule(304, "LOOP_VARIABLE_STAYS", "A loop variable is used in its loop only, and not assigned.")
LOOPS_RUN_OVER_LISTS = _rule(306, "LOOPS_RUN_OVER_LISTS", "`for` runs over a list or `range`.")
NO_CHANGE_WHILE_ITERATING = _rule(307, "NO_CHANGE_WHILE_ITERATING", "A list is not appended to while iterated.")
NO_RECURSION = _rule(308, "NO_RECURSION", "No function calls itself, directly or not.")
EVERY_PATH_RETURNS = _rule(309, "EVERY_PATH_RETURNS", "Every path returns a value where one is declared.")
STEP_IS_A_CONSTANT = _rule(310, "STEP_IS_A_CONSTANT", "The step of a range is a constant other than 0.")
NO_LOOP_ELSE = _rule(311, "NO_LOOP_ELSE", "No else on a loop.")

REFUSE_BEFORE_WRITE = _rule(401, "REFUSE_BEFORE_WRITE", "All refusals precede the first write, on every path.")
REFUSE_IN_OPERATIONS = _rule(402, "REFUSE_IN_OPERATIONS", "`refuse(code)` is a statement of an operation's own body.")
OPERATION_PARAMETERS = _rule(403, "OPERATION_PARAMETERS", "An operation starts with (s: Store, q: str, now: int).")
READS_ONLY_NEVER_WRITES = _rule(404, "READS_ONLY_NEVER_WRITES", "A `reads_only` operation calls no writing verb.")
ONE_EFFECT_AT_A_TIME = _rule(405, "ONE_EFFECT_AT_A_TIME", "A write is not nested where evaluation order matters.")
OPERATIONS_ARE_NOT_CALLED = _rule(406, "OPERATIONS_ARE_NOT_CALLED", "An operation is called by backends only.")
ONE_NAME_ONE_FUNCTION = _rule(407, "ONE_NAME_ONE_FUNCTION", "Functions and records have names of their own.")

FEW_LOCALS = _rule(501, "FEW_LOCALS", "A function has at most 150 locals.")
FEW_PARTS = _rule(502, "FEW_PARTS", "A call, list or concatenation has at most 100 parts.")
SHALLOW_NESTING = _rule(503, "SHALLOW_NESTING", "Blocks and expressions nest at most 20 deep.")

ALL: tuple[Rule, ...] = tuple(sorted(_ALL, key=lambda rule: rule.number))
