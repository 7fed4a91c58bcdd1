"""The boundary around each object: what cannot be read or mapped costs that object only, and is named."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from connectors.errors import ConnectorError, UnexpectedResponse, UnknownValue
from connectors.providers.pagerduty.wire import Wire
from connectors.records import EntityType, FailedEntity, MappingNote

PROVIDER = "pagerduty"
_HINT = "Nothing of this object was changed here; correct it in PagerDuty, or report it with this message."

W = TypeVar("W", bound=Wire)
R = TypeVar("R")


def unknown_value(path: str, message: str) -> UnknownValue:
    """A value outside the documented ones, or one that this product has no word for."""
    return UnknownValue(message, hint=_HINT, provider=PROVIDER, path=path)


def invalid(code: str, path: str, message: str) -> UnexpectedResponse:
    """A value that cannot be meant, such as a turn of 0 seconds."""
    return UnexpectedResponse(message, hint=_HINT, provider=PROVIDER, path=path, code=code)


@dataclass(slots=True)
class Findings:
    """Notes and failures in the order they were found."""

    notes: list[MappingNote] = field(default_factory=list)
    failed: list[FailedEntity] = field(default_factory=list)

    def note(self, entity_type: EntityType, external_id: str | None, code: str, message: str, path: str = "") -> None:
        self.notes.append(MappingNote(entity_type, external_id, code, message, path))

    def fail(self, entity_type: EntityType, external_id: str | None, error: ConnectorError, path: str = "") -> None:
        path = path or (error.path if isinstance(error, UnexpectedResponse) else "")
        self.failed.append(FailedEntity(entity_type, external_id, error.code, path, str(error)))

    def read(self, model: type[W], raw: object, entity_type: EntityType, external_id: str | None, at: str) -> W | None:
        """``raw`` as ``model``; what does not fit becomes a failure of the object, ``at`` is its JSON path."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            code, path, message = _first(error)
            path = f"{at}{'.' if at and path and not path.startswith('[') else ''}{path}"
            text = f"{entity_type} {external_id or 'without an id'}: {path} {message}. {_HINT}"
            self.failed.append(FailedEntity(entity_type, external_id, code, path, text))
            return None

    def mapped(self, entity_type: EntityType, external_id: str, make: Callable[[], R]) -> R | None:
        """What ``make`` returns; an unknown or impossible value becomes a failure of the object."""
        try:
            return make()
        except UnexpectedResponse as error:
            self.fail(entity_type, external_id, error)
            return None


def _first(error: ValidationError) -> tuple[str, str, str]:
    """Code, JSON path and message of the first thing wrong. Input values are shown for enumerations only: those are
    words of the vendor, anything else may be personal."""
    first = error.errors(include_url=False)[0]
    path = ""
    for piece in first["loc"]:
        path += f"[{piece}]" if isinstance(piece, int) else f".{piece}" if path else piece
    message = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        return "unknown_value", path, f"is {first['input'][:60]!r}: {message}"
    return "missing_field" if first["type"] == "missing" else "invalid_value", path, f"is unusable: {message}"
