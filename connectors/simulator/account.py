"""Base classes of all simulated vendors: an account with one lock, its edits by name, and a summary."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar

from connectors.simulator.exchange import Request

Item = TypeVar("Item")


class Account:
    """Base of the dataclass that holds an account's data. Change objects only inside ``editing()``.

    ``version`` grows by one with every edit.
    """

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.version = 0

    @contextmanager
    def editing(self) -> Iterator[Self]:
        """Hold the lock during an edit and count the edit."""
        with self.lock:
            try:
                yield self
            finally:
                self.version += 1


def sorted_by_name(objects: Iterable[Any]) -> list[Any]:
    return sorted(objects, key=lambda one: (one.name.casefold(), one.id))


def objects_of_kind(objects: Mapping[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return all objects of a kind by id. Raises LookupError for an unknown kind."""
    if kind not in objects:
        raise LookupError(f"There is no kind {kind!r}; use one of {', '.join(objects)}.")
    return objects[kind]


def find_object(objects: Mapping[str, Item], kind: str, object_id: str) -> Item:
    """Return the object with this id. Raises LookupError when it does not exist."""
    if object_id not in objects:
        raise LookupError(f"There is no {kind} {object_id}.")
    return objects[object_id]


class Edits:
    """Base of the changes that the vendor's own users make to an account. Each method is one edit under the lock.

    verbs: the names of the methods that are edits. An edit raises ValueError for what the vendor refuses, and
    LookupError for an object that does not exist.
    """

    verbs: ClassVar[tuple[str, ...]]

    def carry_out(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Run the edit ``verb`` with JSON arguments and return its result.

        Raises LookupError for an unknown edit and TypeError for arguments that do not fit.
        """
        if verb not in self.verbs:
            raise LookupError(f"There is no edit {verb!r}; use one of {', '.join(sorted(self.verbs))}.")
        return getattr(self, verb)(**arguments)


S = TypeVar("S", bound=Account)
E = TypeVar("E", bound=Edits)


class EditableVendor(ABC, Generic[S, E]):
    """Base of a simulated vendor. All its requests share one rate limit unless ``domain`` is overridden."""

    provider: ClassVar[str]
    state: S
    edits: E

    @abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """Return the account's name and the number of objects of each kind."""

    def domain(self, request: Request) -> str:
        return ""

    def edit(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        return self.edits.carry_out(verb, arguments)

    def summary(self) -> dict[str, Any]:
        with self.state.lock:
            counted = {"provider": self.provider, "version": self.state.version, **self.facts()}
            return {**counted, "edits": sorted(self.edits.verbs)}
