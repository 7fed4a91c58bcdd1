"""Decides questions about one object: fields edited on both sides, and objects that were deleted here. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from oncall.aggregates import AGGREGATES
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
    values_at,
    with_time,
)
from syncjobs.planning.values import Owner


def keep_mine(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Keep the values here. The question comes back when the source changes one of them."""
    return _keep(question, arguments, sides, "ask", "keeps the values set here until the source changes them")


def keep_mine_always(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Keep the values here, whatever the source reports later."""
    return _keep(question, arguments, sides, "local", "keeps the values set here, whatever the source reports later")


def take_source(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Write the values of the source."""
    paths = _paths(question, arguments)
    link, row = _both(question, sides, paths)
    fields = {path: list(values_at(question, path)) for path in paths if "." not in path}
    elements: dict[str, dict[str, list[Any]]] = {}
    for path in paths:
        collection, _, key = path.partition(".")
        if key:
            elements.setdefault(collection, {})[key] = list(values_at(question, path))
    effect = Effect(
        question.row_kind,
        row.name,
        "gets the values of the source",
        row.id,
        row.state.version,
        question.external_id,
        fields=fields,
        elements=elements,
        link=_settled(question, link, paths, {}) if link else None,
        awaits="" if link else "import",
    )
    return with_time(Outcome((effect,)))


def restore(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Create the row again from the last values of the source; if not all are known, with the next sync."""
    link = _deleted(question, sides)
    if not link.base.fields.keys() >= set(AGGREGATES[question.row_kind].fields):
        later = Effect(
            question.row_kind,
            question.label,
            "is created again by the next sync",
            external_id=question.external_id,
            awaits="plan",
        )
        unknown = "Not all of its values at the source are known, so it is created again by the next sync"
        return Outcome((later,), deferred=unknown, awaits="plan")
    effect = Effect(
        question.row_kind,
        question.label,
        "is created again with the last values of the source",
        external_id=question.external_id,
        fields={path: [None, value] for path, value in link.base.fields.items()},
        elements={
            name: {key: [None, value] for key, value in elements.items()}
            for name, elements in link.base.elements.items()
            if elements
        },
        link=LinkEdit(link, gets_row=True),
    )
    return Outcome((effect,))


def leave_deleted(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Leave it deleted, and ignore its object at the source."""
    link = _deleted(question, sides)
    effect = Effect(
        question.row_kind,
        question.label,
        "stays deleted here, and the source's object is ignored",
        external_id=question.external_id,
        link=LinkEdit(link, state="ignored", reason="deleted here; it stays deleted"),
    )
    return Outcome((effect,))


def _keep(question: Question, arguments: Arguments, sides: Sides, pin: Owner, change: str) -> Outcome:
    paths = _paths(question, arguments)
    link, row = _both(question, sides, paths)
    effect = Effect(
        question.row_kind,
        row.name,
        change,
        row.id,
        row.state.version,
        question.external_id,
        link=_settled(question, link, paths, dict.fromkeys(paths, pin)) if link else None,
        awaits="" if link else "import",
    )
    return with_time(Outcome((effect,)))


def _paths(question: Question, arguments: Arguments) -> Sequence[str]:
    """Return the chosen paths, all unless given. Raises Refused."""
    chosen = [path.strip() for path in arguments.get("paths", "").split(",") if path.strip()]
    unknown = [path for path in chosen if path not in question.paths]
    if unknown:
        allowed = ", ".join(question.paths)
        raise Refused("invalid_argument", f"The question is not about {unknown[0]}. Its paths are: {allowed}.")
    return chosen or question.paths


def _both(question: Question, sides: Sides, paths: Sequence[str]) -> tuple[LinkSide | None, RowSide]:
    """Return the link and the row if they are still as in the evidence. Raises Refused.

    The link is None if a plan that waits matches the object with the row.
    """
    row = sides.matched if sides.link is None else sides.row
    if row is None or (sides.link is not None and sides.link.state != "linked"):
        raise Refused("stale_question", f"{question.label} no longer follows the source. Nothing was written.")
    for path in paths:
        collection, _, key = path.partition(".")
        state = row.state
        here = state.elements.get(collection, {}).get(key) if key else state.fields.get(path)
        if here != values_at(question, path)[0]:
            raise Refused(
                "stale_question",
                f"{path} of {question.label} was changed here after the question was asked. Nothing was written. "
                "Plan again to see the new values.",
            )
    return sides.link, row


def _deleted(question: Question, sides: Sides) -> LinkSide:
    if sides.link is None or sides.link.state != "linked" or sides.row is not None:
        raise Refused("stale_question", f"{question.label} exists here again, or is ignored. Nothing was written.")
    return sides.link


def _settled(question: Question, link: LinkSide, paths: Sequence[str], pins: Mapping[str, Owner]) -> LinkEdit:
    """Return the edit that makes the source's values of these paths the base, with the old base."""
    base: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for path in paths:
        collection, _, key = path.partition(".")
        source = values_at(question, path)[1]
        if key:
            base.setdefault("elements", {}).setdefault(collection, {})[key] = source
            known = link.base.elements.get(collection, {})
            if key in known:
                before.setdefault("elements", {}).setdefault(collection, {})[key] = known[key]
        else:
            base.setdefault("fields", {})[path] = source
            if path in link.base.fields:
                before.setdefault("fields", {})[path] = link.base.fields[path]
    return LinkEdit(link, base, before, {**link.pins, **pins} if pins else None)
