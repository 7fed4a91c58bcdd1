"""Shows the evidence of a conflict in words, with the values here and at the source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.masking import hide_addresses, without_addresses
from oncall.tables.base import local_id, source_of
from syncjobs.conflicts.concerned import keys_of, rows_of
from syncjobs.conflicts.invited import last_invitations
from syncjobs.conflicts.noted import notes_of
from syncjobs.conflicts.planned import planned_objects
from syncjobs.conflicts.told_apart import numbered
from syncjobs.conflicts.words import NO_ACCOUNT, PRESENCE, ZONE_RULES, account_in_words
from syncjobs.models import Conflict, ConflictKind
from syncjobs.planning.conflicts import ABOUT_ROWS
from syncjobs.words.invitations import invitation_in_words
from syncjobs.words.losses import loss_title
from syncjobs.words.names import Names
from syncjobs.words.values import Lines, NameOf, element_line, field_lines, field_word


@dataclass(frozen=True, slots=True)
class Sides:
    """A field with its values here and at the source. A side without a value has no lines.

    None: the side does not have the field, so it is not shown there.
    """

    word: str
    here: Lines | None
    there: Lines | None


def sides_of(conflict: Conflict, *, with_addresses: bool) -> tuple[Sides, ...]:
    """Return the fields to show for a conflict. The names in them are loaded in a few queries.

    with_addresses: False hides the addresses, also in the conflict.
    """
    if with_addresses:
        return _sides(conflict, Names())
    hide_addresses(conflict)
    return without_addresses(_sides(conflict, Names(with_addresses=False)))


def _sides(conflict: Conflict, names: Names) -> tuple[Sides, ...]:
    evidence: Mapping[str, Any] = conflict.evidence
    if conflict.kind in ABOUT_ROWS:
        return _rows(conflict)
    match conflict.kind:
        case ConflictKind.USER_NOT_FOUND:
            why = NO_ACCOUNT.get(evidence.get("why", ""), "")
            address = Sides("E-mail address", _lines(why), _lines(evidence.get("email")))
            invitation = last_invitations([conflict]).get(conflict.pk)
            words = _lines(invitation_in_words(invitation)) if invitation is not None else ()
            return (address, Sides("Invitation", words, None)) if words else (address,)
        case ConflictKind.TIMEZONE_MISMATCH:
            return _zone(evidence)
        case ConflictKind.DELETED_HERE:
            return (Sides(field_word("active"), ("deleted",), ("yes",)),)
        case ConflictKind.UNSUPPORTED:
            title = loss_title(evidence["code"], "Something of it cannot be expressed here.")
            return (Sides("Paging", ("as far as it can be expressed",), (title, *notes_of(conflict))),)
        case ConflictKind.GONE | ConflictKind.NOT_VISIBLE:
            return _absent(evidence)
        case ConflictKind.RECREATED:
            return _recreated(conflict)
        case ConflictKind.INACTIVE_SCHEDULED:
            return (Sides(field_word("state"), ("on call as before",), (evidence["state"],)),)
        case ConflictKind.ACCOUNT_CHANGED:
            here, there = (account_in_words(evidence[side]) for side in ("here", "source"))
            return (Sides("Account", (here,), (there,)),)
        case _:
            _fields(evidence, names)
            names.load()
            return _fields(evidence, names)


def names_of_rows(conflict: Conflict) -> dict[str, str]:
    """Return a text for each key of a conflict about rows, such as ``Night #4, imported from PagerDuty (acme)``."""
    names, keys = Names(), keys_of(conflict)
    for key in keys:
        names.find(conflict.entity_type, key)
    names.load()
    sources = Connection.objects.in_bulk({int(source_of(key)) for key in keys if source_of(key).isdecimal()})
    labels = {str(pk): connection.origin_label for pk, connection in sources.items()}
    missing = [key for key in keys if local_id(key) is None and not names.find(conflict.entity_type, key)]
    kind = entity_type_of(conflict.entity_type)
    planned, rows = planned_objects(kind, missing), rows_of(kind, keys)

    def text_of(key: str) -> str:
        """Return a row in words. A row that does not exist has its planned name or id, or its kind and id if it did."""
        name = numbered(names.find(conflict.entity_type, key), rows.get(key))
        if local_id(key) is not None:
            return f"{name}, created here" if key in rows else f"{names(conflict.entity_type, key)}, deleted here"
        source = labels.get(source_of(key), "")
        if name:
            return f"{name}, imported from {source}"
        return f"{planned[key].name if key in planned else key.partition(':')[2]}, not yet imported from {source}"

    return {key: text_of(key) for key in keys}


def _rows(conflict: Conflict) -> tuple[Sides, ...]:
    """Return the rows: those of the sources of an address only if they are of its connection."""
    word = "People" if conflict.kind == ConflictKind.AMBIGUOUS else "Name"
    own = str(conflict.connection_id) if conflict.connection_id else ""

    def is_there(key: str) -> bool:
        return source_of(key) == own if own else local_id(key) is None

    texts = names_of_rows(conflict)
    rows = Sides(
        word,
        tuple(text for key, text in texts.items() if not is_there(key)) or None,
        tuple(text for key, text in texts.items() if is_there(key)) or None,
    )
    address = _lines(conflict.evidence.get("email"))
    return (Sides("E-mail address", address, address), rows) if address else (rows,)


def _absent(evidence: Mapping[str, Any]) -> tuple[Sides, ...]:
    rows = [Sides(field_word("active"), ("yes",), _lines(PRESENCE[evidence["presence"]]))]
    edited = tuple(dict.fromkeys(field_word(path) for path in evidence.get("edited", ())))
    return (*rows, Sides("Edited", edited, None)) if edited else tuple(rows)


def _recreated(conflict: Conflict) -> tuple[Sides, ...]:
    texts = names_of_rows(conflict)
    old, new = (f"{texts[key]} ({key.partition(':')[2]})" for key in conflict.evidence["rows"])
    return (Sides("Object", (old,), (new,)),)


def _zone(evidence: Mapping[str, Any]) -> tuple[Sides, ...]:
    kept = evidence.get("kept")
    here = f"{kept}: the last known one is kept" if kept else "not set: the schedule is inactive"
    rows = [Sides("Time zone", (here,), _lines(evidence.get("raw")) or ("none",))]
    if evidence.get("candidates"):
        rows.append(Sides("It may mean", None, _lines(evidence["candidates"])))
    if why := ZONE_RULES.get(evidence.get("rule", "")):
        rows.append(Sides("Why", None, (why,)))
    return tuple(rows)


def _fields(evidence: Mapping[str, Any], name_of: NameOf) -> tuple[Sides, ...]:
    return tuple(_field(path, values["here"], values["source"], name_of) for path, values in sorted(evidence.items()))


def _field(path: str, here: Any, there: Any, name_of: NameOf) -> Sides:
    collection, _, key = path.partition(".")
    if not key:
        return Sides(field_word(path), field_lines(path, here, name_of), field_lines(path, there, name_of))
    sides = [(element_line(collection, side, name_of),) if side else ("does not exist",) for side in (here, there)]
    return Sides(field_word(path), sides[0], sides[1])


def _lines(value: str | Iterable[str] | None) -> Lines:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
