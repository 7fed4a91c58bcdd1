"""The items of a run as files: a table for spreadsheets, and JSON."""

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict

from connectors.redaction import redact
from oncall.masking import hide_addresses
from syncjobs.models import SyncItem, SyncRun
from syncjobs.pages.run.items import Filter, action_words, outcome_words, summary

COLUMNS: Final = ("kind", "id at the source", "name", "action", "outcome", "code", "reason", "comment", "changes")
#: A spreadsheet takes a cell for a formula whose first visible character is one of these, or another width of it.
_FORMULA: Final = frozenset("=+-@−")
#: A spreadsheet may begin another cell at these: where decimals have a comma, many expect semicolons between cells.
_BREAK: Final = re.compile(r"([;\t\r\n])")
_PIECE: Final = 500


class _Line:
    """Receives each line of the writer, and returns it."""

    def write(self, line: str) -> str:
        return line


def as_csv(run: SyncRun, query: QueryDict, *, with_addresses: bool) -> Iterator[str]:
    """Yield the lines of a table of the items that match the filters. A cell that could be a formula gets a quote."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for item in _items(run, query, with_addresses=with_addresses):
        action, outcome = action_words(item.action), outcome_words(item.outcome or "open")
        texts = (item.external_id, item.label, action, outcome, item.code, item.reason, item.comment, summary(item))
        yield writer.writerow([safe_cell(text) for text in (item.entity_type, *texts)])


def as_json(run: SyncRun, query: QueryDict, *, with_addresses: bool) -> Iterator[str]:
    """Yield a JSON document ``{"run", "connection", "state", "items": [...]}`` in pieces, with the changes of each."""
    head = {"run": run.pk, "connection": run.connection.name, "state": run.state}
    yield json.dumps(head)[:-1] + ', "items": ['
    separator = ""
    for item in _items(run, query, with_addresses=with_addresses):
        document: dict[str, Any] = {
            "kind": item.entity_type,
            "external_id": item.external_id,
            "name": item.label,
            "action": item.action,
            "outcome": item.outcome,
            "code": item.code,
            "reason": item.reason,
            "comment": item.comment,
            "ticked": item.ticked,
            "fields": item.changes.get("fields", {}),
            "elements": item.changes.get("elements", {}),
        }
        yield separator + json.dumps(document)
        separator = ",\n"
    yield "]}\n"


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, also if it splits the text."""
    safe = "".join(f"'{piece}" if _is_formula(piece) else piece for piece in _BREAK.split(text))
    return f"'{safe}" if _BREAK.match(text) else safe


def _is_formula(text: str) -> bool:
    visible = (each for each in unicodedata.normalize("NFKC", text) if not _is_dropped(each))
    return next(visible, "") in _FORMULA


def _is_dropped(letter: str) -> bool:
    """Return whether a spreadsheet may ignore a leading character: a space, a control or a format character."""
    return letter.isspace() or unicodedata.category(letter).startswith("C")


def _items(run: SyncRun, query: QueryDict, *, with_addresses: bool) -> Iterator[SyncItem]:
    items: QuerySet[SyncItem] = Filter.read(query).items(run)
    if not with_addresses and Filter.read(query).text:  # a filter would find out which addresses exist
        items = items.exclude(label__contains="@")
    for item in items.order_by("pk").iterator(chunk_size=_PIECE):
        if not with_addresses:
            hide_addresses(item)
        item.reason = redact(item.reason)
        yield item
