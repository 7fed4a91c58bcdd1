"""Decides questions about objects that the source no longer lists, or lists under a new id. Pure."""

from collections.abc import Mapping

from oncall.aggregates import Values
from syncjobs.planning.canonical import have_same_meaning
from syncjobs.planning.decisions.people import accounts_of
from syncjobs.planning.decisions.values import (
    Arguments,
    Effect,
    LinkEdit,
    LinkSide,
    Outcome,
    Question,
    Refused,
    RowSide,
    Sides,
    with_time,
)
from syncjobs.planning.values import Change, element_key

#: The key of an element that moves to another row. It becomes one made here, and gets its own key when it is written.
_MOVED = "local:moved {}"
#: The fields that follow from the presence of the object, which nobody edits for good.
_PRESENCE = frozenset({"active", "state"})


def deactivate(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Make the row inactive. Its slots, targets and memberships stay."""
    link, row = _followed(question, sides)
    is_last = not any(each.state == "linked" and each.id != link.id for each in row.links)
    before = {"active": link.base.fields["active"]} if "active" in link.base.fields else {}
    effect = Effect(
        question.row_kind,
        row.name,
        "becomes inactive; what refers to it stays"
        if is_last
        else "stays active, because it follows another source, too",
        row.id,
        row.state.version,
        question.external_id,
        fields={"active": [True, False]} if row.active and is_last else {},
        # With this base, the row becomes active again when the source lists its object again.
        link=LinkEdit(link, {"fields": {"active": False}}, {"fields": before}, state="gone"),
    )
    return Outcome((effect,))


def keep(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Keep the row as it is. It no longer follows the source."""
    link, row = _followed(question, sides)
    effect = Effect(
        question.row_kind,
        row.name,
        "stays as it is and no longer follows the source",
        row.id,
        row.state.version,
        question.external_id,
        link=LinkEdit(link, state="detached"),
    )
    return Outcome((effect,))


def relink(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Let the old row follow the new object: the new row is merged into it, with what was edited here.

    A field that was edited here keeps its value. Its base stays the last value of the old object, so that the next
    sync asks if the new object has another one.
    """
    planned = sides.rows.get(question.evidence["rows"][1])
    if planned is not None and planned.is_planned:
        return _relink_later(question, sides, planned)
    old, new, old_link, new_link = _old_and_new(question, sides)
    if old.account_id is not None and new.account_id is not None:
        raise Refused("invalid_argument", f"{old.name} and {new.name} have an account each. Unlink one first.")
    if old.ref in new.refers_to or new.ref in old.refers_to:
        raise Refused("invalid_argument", f"One of {old.name} ({old.id}) and {new.name} ({new.id}) uses the other.")
    edited = _edited_fields(question, old, new, old_link, sides.at) if old_link.primary else {}
    unedited, kept = _own_elements(old, old_link)
    # Where elements are not united, the row gets those of the new row. So those that stay move to the new row before.
    moved = {} if sides.united or not old_link.primary else kept
    ignored = Effect(
        question.row_kind,
        old.name,
        f"no longer follows its old object {old_link.external_id}",
        old.id,
        old.state.version,
        old_link.external_id,
        elements={
            name: {key: [values, None] for key, values in elements.items()}
            for name, elements in (unedited if sides.united else moved).items()
        },
        link=LinkEdit(old_link, state="ignored", reason=f"replaced by {new_link.external_id}"),
    )
    merged = Effect(
        question.row_kind,
        new.named,
        f"is merged into {old.named}, which follows the new object from now on",
        new.id,
        new.state.version,
        new_link.external_id,
        fields=edited,
        elements={
            name: {_MOVED.format(number): [None, values] for number, values in enumerate(elements.values(), 1)}
            for name, elements in moved.items()
        },
        link=LinkEdit(
            new_link,
            {"fields": {path: old_link.base.fields[path] for path in edited}},
            {"fields": {path: new_link.base.fields[path] for path in edited if path in new_link.base.fields}},
        )
        if edited
        else None,
        merge_into=old.id,
        values=new.id if old_link.primary else old.id,
    )
    return Outcome((ignored, merged), accounts=accounts_of(new))


def _relink_later(question: Question, sides: Sides, new: RowSide) -> Outcome:
    """Return what happens as soon as the new object is imported. What was edited here is compared then."""
    old_key, _ = question.evidence["rows"]
    old = sides.rows.get(old_key)
    link = None if old is None else next((each for each in old.links if _key(each) == old_key), None)
    if old is None or old.is_planned or old.merged or link is None or link.state == "ignored":
        raise _moved(question)
    merged = Effect(
        question.row_kind,
        new.name,
        f"is merged into {old.named}, which follows the new object from now on",
        external_id=question.external_id,
        merge_into=old.id,
        awaits="import",
    )
    return with_time(Outcome((merged,)))


def _key(link: LinkSide) -> str:
    return element_key(link.connection_id, link.external_id)


def _moved(question: Question) -> Refused:
    return Refused(
        "stale_question",
        f"A row of {question.label} was merged, deleted or detached meanwhile. Nothing was written.",
    )


def _followed(question: Question, sides: Sides) -> tuple[LinkSide, RowSide]:
    """Return the link and its row if they still follow the object. Raises Refused."""
    if sides.link is None or sides.link.state != "linked" or sides.row is None or sides.row.merged:
        raise Refused("stale_question", f"{question.label} no longer follows the source. Nothing was written.")
    return sides.link, sides.row


def _old_and_new(question: Question, sides: Sides) -> tuple[RowSide, RowSide, LinkSide, LinkSide]:
    """Return the row of the old object, that of the new one, and their links. Raises Refused."""
    old_key, new_key = question.evidence["rows"]
    old, new = sides.rows.get(old_key), sides.rows.get(new_key)
    if new is None:
        raise Refused(
            "stale_question",
            f"{question.label} is not imported, and no plan that waits creates it. Nothing was written. Plan again.",
        )
    links = {_key(link): link for link in (*new.links, *(old or new).links)}
    old_link, new_link = links.get(old_key), links.get(new_key)
    if (
        old is None
        or old.ref == new.ref
        or old.merged
        or new.merged
        or old_link is None
        or new_link is None
        or old_link.state == "ignored"
        or new_link.state != "linked"
    ):
        raise _moved(question)
    return old, new, old_link, new_link


def _edited_fields(question: Question, old: RowSide, new: RowSide, link: LinkSide, at: str) -> Mapping[str, Change]:
    """Return the fields of the old row that were edited here, as changes of the new row."""
    here, there, base = old.state.fields, new.state.fields, link.base.fields
    return {
        path: [there[path], value]
        for path, value in here.items()
        if path in base
        and path not in _PRESENCE
        and not have_same_meaning(question.row_kind, path, value, base[path], at)
        and value != there[path]
    }


#: Collection -> element key -> values.
_Elements = Mapping[str, Mapping[str, Values]]


def _own_elements(row: RowSide, link: LinkSide) -> tuple[_Elements, _Elements]:
    """Return the elements of a link that were not edited, and all others of its row."""
    unedited: dict[str, dict[str, Values]] = {}
    kept: dict[str, dict[str, Values]] = {}
    for name, elements in row.state.elements.items():
        known = link.base.elements.get(name, {})
        for key, values in elements.items():
            found = unedited if key in known and known[key] == values else kept
            found.setdefault(name, {})[key] = values
    return unedited, kept
