"""The sides that a history is played on: one operation in, its reply and the whole state out."""

import dataclasses
import importlib
import pkgutil
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, get_args, get_origin, get_type_hints

from glidemq_pb import semantics
from glidemq_pb.backends.memory.store import MemoryStore
from glidemq_pb.semantics.lang import Fields
from tests.strategies import POP, PUT

Q = "glide:{q}"
Operation = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One operation with the arguments that follow (s, q, now), or `POP` with the last part of a key, or `PUT`."""

    operation: str
    now: int
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """What takes the place of a reply when the operation refused."""

    code: str


@dataclass(frozen=True, slots=True)
class Outcome:
    reply: Any
    state: dict[str, Any]


class Side(Protocol):
    """One backend, with one queue on it."""

    name: str

    def reset(self) -> None:
        """Forget everything."""
        ...

    def play(self, step: Step) -> Outcome:
        """Run one step."""
        ...


def operations(package: types.ModuleType = semantics) -> dict[str, Operation]:
    """Every operation of the semantics, by name."""
    return dict(sorted(_operations(package)))


def _operations(package: types.ModuleType) -> Iterator[tuple[str, Operation]]:
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        for name, value in vars(module).items():
            if hasattr(value, "__operation__") and value.__module__ == module.__name__:
                yield name, value


class MemorySide:
    """The rules over the memory store; `package` may be a copy of the semantics with a planted fault."""

    def __init__(self, package: types.ModuleType = semantics) -> None:
        self.name = "memory"
        self._operations = operations(package)
        self._replies = {name: get_type_hints(one)["return"] for name, one in self._operations.items()}
        self._refusal: type[Exception] = importlib.import_module(f"{package.__name__}.lang").Refusal
        self.store = MemoryStore()

    def reset(self) -> None:
        self.store = MemoryStore()

    def play(self, step: Step) -> Outcome:
        return Outcome(self._reply(step), self.store.dump(Q))

    def _reply(self, step: Step) -> Any:
        if step.operation == POP:
            return self.store.take_first(f"{Q}:{step.args[0]}")
        if step.operation == PUT:
            return self.store.hset_value(f"{Q}:meta", *step.args)
        try:
            reply = self.run(step.operation, step.now, *step.args)
        except self._refusal as refusal:
            return Refused(str(vars(refusal)["code"]))
        return canonical(reply, self._replies[step.operation])

    def run(self, operation: str, now: int, *args: Any) -> Any:
        """The reply as the operation gives it; a refusal is raised."""
        return self._operations[operation](self.store, Q, now, *args)


def canonical(value: Any, annotation: Any) -> Any:
    """A reply such that equal meanings are equal values: pairs of `Fields` have no order."""
    if getattr(annotation, "__name__", "") == Fields.__name__:  # that of a copy of the semantics is another object
        return dict(zip(value[::2], value[1::2], strict=True))
    if dataclasses.is_dataclass(value):
        hints = get_type_hints(type(value))
        return {
            field.name: canonical(getattr(value, field.name), hints[field.name]) for field in dataclasses.fields(value)
        }
    if get_origin(annotation) is list:
        return [canonical(one, get_args(annotation)[0]) for one in value]
    return value
