"""Decides questions about rows with one name: rename one, merge them, or keep all. Pure."""

from oncall.aggregates import fold
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
)


def rename(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Give one row another name. A later new name at the source is asked about."""
    rows = _rows(question, sides)
    row = _row(rows, arguments["row"], "row")
    name = " ".join(arguments["name"].split())
    if not name:
        raise Refused("invalid_argument", "The new name is empty. Nothing was written.")
    if fold(name) == fold(row.name):
        raise Refused("invalid_argument", f"“{name}” counts as equal to “{row.name}”. Choose another name.")
    if sides.is_taken(name, row.id):
        raise Refused("invalid_argument", f"“{name}” is the name of another row, too. Choose another name.")
    link = writer(row)
    effect = Effect(
        question.row_kind,
        row.name,
        f"is renamed to “{name}”",
        row.id,
        row.state.version,
        link.external_id if link else "",
        link.connection_id if link else None,
        fields={"name": [row.name, name]},
        link=LinkEdit(link, pins={"name": "ask", **link.pins}) if link else None,
    )
    return Outcome((effect,))


def merge(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Merge the rows into one. References, leads and ownership move to it; the others become inactive."""
    rows = _rows(question, sides)
    chosen = _chosen(rows, arguments.get("rows", ""))
    into = _row(chosen, arguments.get("into") or str(most_used(chosen).id), "into")
    values = _row(chosen, arguments.get("values") or str(into.id), "values")
    ids = {row.id for row in chosen}
    user = next((row for row in chosen if row.refers_to & ids), None)
    if user is not None:
        raise Refused(
            "invalid_argument",
            f"“{user.name}” ({user.id}) pages or belongs to another of these rows. Remove that first, then merge.",
        )
    losers = sorted((row for row in chosen if row is not into), key=lambda row: (row is not values, row.id))
    effects = [
        Effect(
            question.row_kind,
            row.name,
            f"is merged into “{into.name}” ({into.id})" + (", which gets its values" if row is values else ""),
            row.id,
            row.state.version,
            link.external_id if (link := writer(row)) else "",
            link.connection_id if link else None,
            merge_into=into.id,
            values=row.id if row is values else into.id,
        )
        for row in losers
    ]
    return Outcome(tuple(effects))


def keep_all(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Keep all rows as they are."""
    return Outcome()


def writer(row: RowSide) -> LinkSide | None:
    """Return the link that writes the fields of a row."""
    return next((link for link in row.links if link.primary and link.state == "linked"), None)


def most_used(rows: list[RowSide]) -> RowSide:
    """Return the row with the most references; of several, the oldest."""
    return min(rows, key=lambda row: (-row.uses, row.id))


def _rows(question: Question, sides: Sides) -> list[RowSide]:
    """Return the rows of the question that still have one name. Raises Refused."""
    if len(sides.rows) < len(question.keys):
        raise Refused(
            "stale_question",
            "Some of these rows are not imported yet, or do not exist any more. Nothing was written. "
            "Apply the waiting plan, or plan again.",
        )
    rows = sorted({row.id: row for row in sides.rows.values()}.values(), key=lambda row: row.id)
    name = str(question.evidence["name"])
    if len(rows) < 2 or any(row.merged or not row.active or fold(row.name) != name for row in rows):
        raise Refused(
            "stale_question",
            "One of these rows was renamed, merged or deactivated after the question was asked. Nothing was written. "
            "Plan again.",
        )
    return rows


def _chosen(rows: list[RowSide], text: str) -> list[RowSide]:
    if not text.strip():
        return rows
    chosen = {_row(rows, part, "rows").id for part in text.split(",") if part.strip()}
    if len(chosen) < 2:
        raise Refused("invalid_argument", "rows: name at least two different rows to merge.")
    return [row for row in rows if row.id in chosen]


def _row(rows: list[RowSide], text: str, argument: str) -> RowSide:
    found = next((row for row in rows if str(row.id) == text.strip()), None)
    if found is None:
        allowed = ", ".join(f"{row.id} ({row.name})" for row in rows)
        raise Refused("invalid_argument", f"{argument}: {text!r} is none of these rows. They are: {allowed}.")
    return found
