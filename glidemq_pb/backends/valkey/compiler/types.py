"""The types of the subset. Every expression of the typed tree has one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts. `Fields` is a `list[str]` with a name of its own."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list[item]`. Lists never hold None."""

    item: "Type"

    def __str__(self) -> str:
        return f"list[{self.item}]"


@dataclass(frozen=True, slots=True)
class Maybe:
    """`inner | None`, where the inner value is never false in Lua: an int, a text, a list or a record."""

    inner: "Type"

    def __str__(self) -> str:
        return f"{self.inner} | None"


@dataclass(frozen=True, slots=True)
class Record:
    """A frozen dataclass; equal when name, module and fields are."""

    name: str
    module: str
    fields: tuple[tuple[str, "Type"], ...]

    def __str__(self) -> str:
        return self.name

    def field(self, name: str) -> "Type | None":
        """The type of a field, or None when there is no such field."""
        return dict(self.fields).get(name)


Type = Scalar | ListOf | Maybe | Record

INT = Scalar("int")
STR = Scalar("str")
BOOL = Scalar("bool")
NONE = Scalar("None")
STORE = Scalar("Store")
FIELDS = Scalar("Fields")

INT_MAX = 2**53 - 1
"""The largest integer that a Lua number holds exactly."""


def item_type(container: Type) -> Type | None:
    """What indexing or iterating gives; None for what is not a list."""
    if isinstance(container, ListOf):
        return container.item
    return STR if container == FIELDS else None


def accepts(wanted: Type, given: Type) -> bool:
    """Whether a value of type `given` may stand where `wanted` is declared. Note: a bool is no int here."""
    if wanted == given:
        return True
    if isinstance(wanted, Maybe):
        return given == NONE or accepts(wanted.inner, given)
    return given == FIELDS and wanted == ListOf(STR)


def strip_none(given: Type) -> Type:
    """The type once None is excluded."""
    return given.inner if isinstance(given, Maybe) else given
