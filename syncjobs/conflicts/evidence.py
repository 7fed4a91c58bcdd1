"""Shows the evidence of a conflict in words, with the values here and at the source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oncall.tables.base import local_id
from syncjobs.models import Conflict, ConflictKind, ExternalLink
from syncjobs.words.names import Names
from syncjobs.words.values import Lines, NameOf, element_line, field_lines, field_word


@dataclass(frozen=True, slots=True)
class Sides:
    """A field with its values here and at the source. A side without a value has no lines."""

    word: str
    here: Lines
    there: Lines


def sides_of(conflict: Conflict) -> tuple[Sides, ...]:
    """Return the fields to show for a conflict. The names in them are loaded in a few queries."""
    names = Names()
    _sides(conflict, names)
    names.load()
    return tuple(_sides(conflict, names))


def _sides(conflict: Conflict, name_of: NameOf) -> list[Sides]:
    evidence: Mapping[str, Any] = conflict.evidence
    match conflict.kind:
        case ConflictKind.USER_NOT_FOUND:
            return [Sides("E-mail address", (str(evidence.get("why", "")),), _lines(evidence.get("email")))]
        case ConflictKind.AMBIGUOUS:
            people = Sides("People", _lines(evidence.get("here")), _lines(evidence.get("at the source")))
            return [Sides("E-mail address", _lines(evidence.get("email")), _lines(evidence.get("email"))), people]
        case ConflictKind.DUPLICATE_SCHEDULE | ConflictKind.DUPLICATE_POLICY | ConflictKind.TEAM_NAME_COLLISION:
            here = (*_lines(evidence.get("other")), _origin(evidence.get("from")))
            there = (str(evidence.get("name", "")), _origin(conflict.connection.origin_label))
            return [Sides("Name", here, there)]
        case ConflictKind.TIMEZONE_MISMATCH if not conflict.paths:
            return _zone(evidence)
        case _:
            return [_field_sides(path, values, name_of) for path, values in sorted(evidence.items())]


def _zone(evidence: Mapping[str, Any]) -> list[Sides]:
    raw = evidence.get("raw")
    rows = [Sides("Time zone", ("not set: the schedule is inactive",), _lines(raw) or ("none",))]
    if evidence.get("candidates"):
        rows.append(Sides("It may mean", (), _lines(evidence["candidates"])))
    if evidence.get("note"):
        rows.append(Sides("Why", (), _lines(evidence["note"])))
    return rows


def _field_sides(path: str, values: Any, name_of: NameOf) -> Sides:
    if not isinstance(values, Mapping):
        return Sides(field_word(path), (), _lines(values))
    collection, _, key = path.partition(".")
    here, there = values.get("here"), values.get("at the source")
    if not key:
        return Sides(field_word(path), field_lines(path, here, name_of), field_lines(path, there, name_of))
    sides = [(element_line(collection, side, name_of),) if side else ("does not exist",) for side in (here, there)]
    return Sides(field_word(path), sides[0], sides[1])


def _origin(label: object) -> str:
    return f"imported from {label}" if label else "created here"


def _lines(value: Any) -> Lines:
    if value is None or value == "":
        return ()
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else (str(value),)


def rows_of(conflict: Conflict) -> dict[str, int]:
    """Return the ids of the rows of a conflict, by their names on the page: ``this`` and ``the other``. One query.

    If there are several other rows, their names are numbered.
    """
    keys = {"this": f"{conflict.connection_id}:{conflict.external_id}"}
    for number, key in enumerate(_lines(conflict.evidence.get("other row")), start=1):
        keys["the other" if number == 1 else f"the other ({number})"] = key
    ids = {key.partition(":")[2] for key in keys.values()}
    links = {
        f"{link.connection_id}:{link.external_id}": link.row_id
        for link in ExternalLink.objects.filter(entity_type=conflict.entity_type, external_id__in=ids).defer("base")
    }
    found = {}
    for words, key in keys.items():
        row_id = local_id(key) or links.get(key)
        if row_id is not None:
            found[words] = row_id
    return found
