"""The boundary around each object: an error in one object costs only that object and is reported as a failure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from connectors.errors import ConnectorError, UnexpectedResponse, UnknownValue
from connectors.reading.wire import Wire
from connectors.records import EntityKey, EntityType, FailedEntity, MappingNote
from connectors.zones.timezones import ZoneReading, chosen_for_blank, keep_known

W = TypeVar("W", bound=Wire)
T = TypeVar("T")
R = TypeVar("R")


class Elements(tuple[T, ...]):
    """The readable elements of a list.

    unread: the number of its elements that could not be read. With one, the list is only partly known: nothing of it
    may be removed because it is missing. places: the place of each readable element in the list as sent, for paths.
    """

    unread: int
    places: tuple[int, ...]

    def __new__(cls, items: Iterable[T] = (), unread: int = 0, places: Iterable[int] | None = None) -> "Elements[T]":
        made = super().__new__(cls, items)
        made.unread = unread
        made.places = tuple(range(len(made)) if places is None else places)
        return made


@dataclass(frozen=True, slots=True)
class Vendor:
    """The vendor whose answers are read. provider: registry key, kept on every error. label: its name in messages."""

    provider: str
    label: str

    @property
    def hint(self) -> str:
        return f"Correct it in {self.label}, or report it with this message."

    @property
    def element_hint(self) -> str:
        return f"Only this element is left out, the others were read; correct it in {self.label}."

    def unknown_value(self, path: str, message: str) -> UnknownValue:
        """The error for a value that the vendor does not document, or that this product cannot express. path: its JSON
        path."""
        return UnknownValue(message, hint=self.hint, provider=self.provider, path=path)

    def invalid(self, code: str, path: str, message: str) -> UnexpectedResponse:
        """The error for an impossible value, for example a turn of 0 seconds. path: its JSON path."""
        return UnexpectedResponse(message, hint=self.hint, provider=self.provider, path=path, code=code)


@dataclass(slots=True)
class Findings:
    """The notes and failures of one read, in the order in which they were found.

    not_found: the objects that were requested by their id, and that the source does not know (404, 410).
    """

    vendor: Vendor
    notes: list[MappingNote] = field(default_factory=list)
    failed: list[FailedEntity] = field(default_factory=list)
    not_found: set[EntityKey] = field(default_factory=set)

    def note(
        self,
        entity_type: EntityType,
        external_id: str | None,
        code: str,
        message: str,
        path: str = "",
        *,
        loss: bool = False,
        hides: bool = False,
    ) -> None:
        """Adds a note; see :class:`MappingNote`."""
        self.notes.append(MappingNote(entity_type, external_id, code, message, path, loss, hides))

    def fail(self, entity_type: EntityType, external_id: str | None, error: ConnectorError, path: str = "") -> None:
        path = path or (error.path if isinstance(error, UnexpectedResponse) else "")
        self.failed.append(FailedEntity(entity_type, external_id, error.code, path, str(error), error.hint))

    def zone(self, entity_type: EntityType, external_id: str, reading: ZoneReading, path: str) -> ZoneReading:
        """Returns ``reading``, or the zone that was chosen for a schedule without one. Adds a note when it is unknown.

        A person may have no zone. A schedule must have one without doubt: otherwise a note is left, and the schedule
        keeps its last known zone, if it had one.
        """
        if entity_type == "schedule":
            if not reading.raw.strip():
                reading = chosen_for_blank() or reading
            reading = keep_known(reading, external_id)
        doubtful = not reading.is_sure if entity_type == "schedule" else reading.zone is None and reading.raw
        if doubtful:
            self.note(entity_type, external_id, "unknown_zone", reading.note, path)
        return reading

    def read(self, model: type[W], raw: object, entity_type: EntityType, external_id: str | None, at: str) -> W | None:
        """``raw`` as ``model``, or None when it does not fit; then a failure of the object is added. at: JSON path of
        ``raw``."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self._reject(error, entity_type, external_id, at)
            return None

    def read_element(
        self, model: type[W], raw: object, entity_type: EntityType, external_id: str | None, at: str, *, ended: bool
    ) -> W | None:
        """As :meth:`read`, for an element of an object: if it does not fit, only the element is left out.

        ended: whether the element has no effect any more; if it is unreadable then, it is ignored.
        """
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            if not ended:
                self._reject(error, entity_type, external_id, at, element=True)
            return None

    def read_all(
        self,
        model: type[W],
        raw: Iterable[object],
        entity_type: EntityType,
        external_id: str | None,
        at: str,
        *,
        ended: Callable[[object], bool] = lambda raw: False,
    ) -> Elements[W]:
        """The elements of a list. Each unreadable one adds a failure of the object and is counted as unread.

        raw: may be Elements, whose places and unread number are kept. at: JSON path of the list. ended: whether a raw
        element has no effect any more; if it is unreadable then, it is ignored.
        """
        sent = raw if isinstance(raw, Elements) else Elements(raw)
        found: dict[int, W] = {}
        unread = sent.unread
        for i, item in zip(sent.places, sent, strict=True):
            try:
                found[i] = model.model_validate(item)
            except ValidationError as error:
                if not ended(item):
                    self._reject(error, entity_type, external_id, f"{at}[{i}]", element=True)
                    unread += 1
        return Elements(found.values(), unread, found)

    def map_all(
        self,
        elements: Iterable[T],
        entity_type: EntityType,
        external_id: str | None,
        at: str,
        make: Callable[[T, str], R | None],
        *,
        ended: Callable[[T], bool] = lambda element: False,
    ) -> Elements[R]:
        """The results of ``make`` for the elements of a list, without those that are None: they have no effect.

        An element with an unknown or impossible value adds a failure of the object and is counted as unread. at: JSON
        path of the list. make: from an element and its JSON path. ended: whether an element has no effect any more; if
        ``make`` refuses it then, it is ignored.
        """
        elements = elements if isinstance(elements, Elements) else Elements(elements)
        made: dict[int, R] = {}
        unread = elements.unread
        for place, element in zip(elements.places, elements, strict=True):
            try:
                result = make(element, f"{at}[{place}]")
            except UnexpectedResponse as error:
                if ended(element):
                    continue
                hint = self.vendor.element_hint
                message = f"{error.message} {hint}"
                failed = FailedEntity(entity_type, external_id, error.code, error.path, message, hint, element=True)
                self.failed.append(failed)
                unread += 1
            else:
                made |= {} if result is None else {place: result}
        return Elements(made.values(), unread, made)

    def mapped(self, entity_type: EntityType, external_id: str, make: Callable[[], R]) -> R | None:
        """The result of ``make``, or None when it meets an unknown or impossible value; then a failure of the object is
        added."""
        try:
            return make()
        except UnexpectedResponse as error:
            self.fail(entity_type, external_id, error)
            return None

    def _reject(
        self,
        error: ValidationError,
        entity_type: EntityType,
        external_id: str | None,
        at: str,
        *,
        element: bool = False,
    ) -> None:
        """Adds the failure of an object for its first wrong value. at: JSON path of what was read."""
        code, path, message = _first(error)
        path = f"{at}{'.' if at and path and not path.startswith('[') else ''}{path}"
        hint = self.vendor.element_hint if element else self.vendor.hint
        text = f"{entity_type} {external_id or 'without an id'}: {path} {message}. {hint}"
        self.failed.append(FailedEntity(entity_type, external_id, code, path, text, hint, element))


def _first(error: ValidationError) -> tuple[str, str, str]:
    """Code, JSON path and message of the first error. Only values of enumerations are shown: they are words of the
    vendor, any other value may be personal."""
    first = error.errors(include_url=False)[0]
    path = ""
    for piece in first["loc"]:
        path += f"[{piece}]" if isinstance(piece, int) else f".{piece}" if path else piece
    message = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        return "unknown_value", path, f"is {first['input'][:60]!r}: {message}"
    return "missing_field" if first["type"] == "missing" else "invalid_value", path, f"is unusable: {message}"
