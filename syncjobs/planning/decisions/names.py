"""Decides questions about rows with one name: rename one, merge them, or keep all. Pure."""

from collections.abc import Sequence

from oncall.aggregates import fold
from syncjobs.planning.decisions.values import (
    PLANNED,
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


def rename(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Give one row another name. A later new name at the source is asked about."""
    rows = _rows(question, sides)
    row = row_named(sides, rows, arguments["row"], "row")
    name = " ".join(arguments["name"].split())
    if not name:
        raise Refused("invalid_argument", "The new name is empty. Nothing was written.")
    if fold(name) == fold(row.name):
        raise Refused("invalid_argument", f"“{name}” counts as equal to “{row.name}”. Choose another name.")
    if sides.is_taken(name, row):
        raise Refused("invalid_argument", f"“{name}” is the name of another row, too. Choose another name.")
    link = writer(row)
    effect = Effect(
        question.row_kind,
        row.name,
        f"is renamed to “{name}”",
        row.state.id,
        row.state.version,
        link.external_id if link else _external_id(row),
        link.connection_id if link else None,
        fields={"name": [row.name, name]},
        link=LinkEdit(link, pins={"name": "ask", **link.pins}) if link else None,
        awaits="import" if row.is_planned else "",
    )
    return with_time(Outcome((effect,)))


def merge(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Merge the rows into one. References, leads and ownership move to it; the others become inactive.

    If one of them is only planned, they are merged as soon as it is imported, into the row that is used most now.
    """
    rows = _rows(question, sides)
    chosen = _chosen(sides, rows, arguments.get("rows", ""))
    into = row_named(sides, chosen, arguments.get("into") or most_used(chosen).ref, "into")
    values = row_named(sides, chosen, arguments.get("values") or into.ref, "values")
    refs = {row.ref for row in chosen}
    user = next((row for row in chosen if row.refers_to & refs), None)
    if user is not None:
        raise Refused(
            "invalid_argument",
            f"{user.named} pages or belongs to another of these rows. Remove that first, then merge.",
        )
    losers = sorted((row for row in chosen if row is not into), key=lambda row: (row is not values, row.age))
    effects = [
        Effect(
            question.row_kind,
            row.named,
            f"is merged into {into.named}" + (", which gets its values" if row is values else ""),
            row.state.id,
            row.state.version,
            link.external_id if (link := writer(row)) else _external_id(row),
            link.connection_id if link else None,
            merge_into=into.state.id,
            values=(row if row is values else into).state.id,
            awaits="import" if any(each.is_planned for each in chosen) else "",
        )
        for row in losers
    ]
    return with_time(Outcome(tuple(effects), arguments={"into": into.ref, "values": values.ref, **arguments}))


def keep_all(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Keep all rows as they are."""
    return Outcome()


def writer(row: RowSide) -> LinkSide | None:
    """Return the link that writes the fields of a row."""
    return next((link for link in row.links if link.primary and link.state == "linked"), None)


def most_used(rows: list[RowSide]) -> RowSide:
    """Return the row with the most references; of several, the oldest."""
    return min(rows, key=lambda row: (-row.uses, row.age))


def row_named(sides: Sides, rows: Sequence[RowSide], text: str, argument: str) -> RowSide:
    """Return the row that an argument names: its id, or ``planned:`` with its key or its id at the source.

    A row that was planned keeps that name when it is imported. Raises Refused.
    """
    wanted = text.strip()
    named = {row.ref for row in rows if row.ref == wanted}
    for key, row in sides.rows.items() if wanted.startswith(PLANNED) else ():
        if wanted.removeprefix(PLANNED) in (key, key.partition(":")[2]):
            named.add(row.ref)
    found = list({row.ref: row for row in rows if row.ref in named}.values())
    if len(found) != 1:
        what = "several" if found else "none"
        allowed = ", ".join(f"{row.ref} ({row.name})" for row in rows)
        raise Refused("invalid_argument", f"{argument}: {text!r} is {what} of these rows. They are: {allowed}.")
    return found[0]


def _external_id(row: RowSide) -> str:
    """Return the id at the source of a planned row."""
    return row.key.partition(":")[2] if row.is_planned else ""


def _rows(question: Question, sides: Sides) -> list[RowSide]:
    """Return the rows of the question that still have one name. Raises Refused."""
    if len(sides.rows) < len(question.keys):
        raise Refused(
            "stale_question",
            "Some of these rows do not exist any more, and no plan that waits creates them. Nothing was written. "
            "Plan again.",
        )
    rows = sorted({row.ref: row for row in sides.rows.values()}.values(), key=lambda row: row.age)
    name = str(question.evidence["name"])
    if len(rows) < 2 or any(row.merged or not row.active or fold(row.name) != name for row in rows):
        raise Refused(
            "stale_question",
            "One of these rows was renamed, merged or deactivated after the question was asked. Nothing was written. "
            "Plan again.",
        )
    return rows


def _chosen(sides: Sides, rows: list[RowSide], text: str) -> list[RowSide]:
    if not text.strip():
        return rows
    chosen = {row_named(sides, rows, part, "rows").ref for part in text.split(",") if part.strip()}
    if len(chosen) < 2:
        raise Refused("invalid_argument", "rows: name at least two different rows to merge.")
    return [row for row in rows if row.ref in chosen]
