"""Erases what links, runs, questions and parity checks hold of a person, when the person is erased."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import F, Model, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from connectors.models import Connection
from oncall.emails import canonical_email
from oncall.errors import OperationRefused
from oncall.operations.erasing import Erasure
from oncall.tables.base import LOCAL
from syncjobs.models import (
    ACTIVE,
    OPEN_PLAN,
    Conflict,
    ConflictState,
    ExternalLink,
    Invitation,
    LinkState,
    ParityCheck,
    SyncItem,
    SyncRun,
)

#: Why the link of an erased person is ignored. Its key still leads to the row, so the person keeps all slots.
ERASED: Final = "erased"
#: Columns in which any sentence may contain a name or an address.
_SENTENCES: Final[Mapping[type[Model], tuple[str, ...]]] = {
    SyncRun: ("reason", "hint", "notes"),
    SyncItem: ("reason", "comment"),
    Conflict: ("comment", "arguments"),
    ParityCheck: ("note", "unresolved", "differences", "source_spans"),
}


def erase_traces(sender: object, erasure: Erasure, **signal: Any) -> None:
    """Erase the person from the tables of the sync. Raises OperationRefused while a run could store the values again.

    The connections are locked: a run cannot start before the transaction of the erasure has ended.
    """
    links = list(ExternalLink.objects.filter(responder__in=erasure.names).defer("base").order_by("pk"))
    items = _items(links, erasure)
    concerned = {link.connection_id for link in links} | set(items.values_list("run__connection", flat=True))
    locked = list(Connection.objects.select_for_update().filter(pk__in=concerned).order_by("pk"))
    run = SyncRun.objects.filter(connection__in=locked, state__in=ACTIVE).select_related("connection").first()
    if run is not None:
        raise OperationRefused(
            f"{run} is {run.get_state_display()} and may hold values of the person. Nothing was erased. Wait until it "
            "has ended, or cancel it, then erase the person."
        )
    links += _new_links(items, links)
    erasure.counts |= {
        "links to sources": _ignore(links),
        "items of runs": sum(
            items.filter(row).update(label=name, changes={}, reason="", comment="", ticked=False, held_ticked=False)
            for row, name in _by_row(links, erasure)
        ),
        "questions": _close_questions(links, erasure),
        "invitations": _delete_invitations(links, erasure),
        "sentences": sum(_replace(model, columns, erasure) for model, columns in _SENTENCES.items()),
    }


def _items(links: Iterable[ExternalLink], erasure: Erasure) -> Any:
    """Return the items of runs that are about the person."""
    about = Q(row_id__in=list(erasure.names))
    for link in links:
        about |= Q(run__connection=link.connection_id, external_id=link.external_id)
    return SyncItem.objects.filter(about, entity_type="responder")


def _new_links(items: Any, links: Iterable[ExternalLink]) -> list[ExternalLink]:
    """Link the objects that open plans would match with the person. Otherwise their sources would import them anew."""
    known = {(link.connection_id, link.external_id) for link in links}
    planned = items.filter(run__state__in=OPEN_PLAN, row_id__isnull=False).order_by("pk")
    new = {
        (connection_id, external_id): ExternalLink(
            connection_id=connection_id,
            entity_type="responder",
            external_id=external_id,
            responder_id=row_id,
            primary=False,
            since=timezone.now(),
        )
        for connection_id, external_id, row_id in planned.values_list("run__connection", "external_id", "row_id")
        if external_id and (connection_id, external_id) not in known
    }
    return ExternalLink.objects.bulk_create(new.values())


def _ignore(links: Iterable[ExternalLink]) -> int:
    return ExternalLink.objects.filter(pk__in=[link.pk for link in links]).update(
        state=LinkState.IGNORED,
        ignored_reason=ERASED,
        since=timezone.now(),
        source_label="",
        source_hash="",
        base={},
        pins={},
        version=F("version") + 1,
    )


def _by_row(links: Iterable[ExternalLink], erasure: Erasure) -> list[tuple[Q, str]]:
    """Return the new name of each row, and the condition of the items that are about the row."""
    found = []
    for row_id, name in erasure.names.items():
        about = Q(row_id=row_id)
        for link in links:
            if link.responder_id == row_id:
                about |= Q(run__connection=link.connection_id, external_id=link.external_id)
        found.append((Q(pk__in=SyncItem.objects.filter(about, entity_type="responder").values("pk")), name))
    return found


def _close_questions(links: Iterable[ExternalLink], erasure: Erasure) -> int:
    """Empty and close the questions about the person. The next sync opens one that also concerns others again."""
    about = Q(rows__key__in=[*(link.key for link in links), *(f"{LOCAL}{pk}" for pk in erasure.names)])
    for link in links:
        about |= Q(link=link) | Q(connection=link.connection_id, external_id=link.external_id)
    questions = list(Conflict.objects.filter(about, entity_type="responder").distinct())
    for question in questions:
        question.label, question.subject_key = next(iter(erasure.names.values())), f"{ERASED}:{question.pk}"
        question.evidence, question.evidence_hash, question.suggestion, question.comment = {}, "", {}, ""
        question.arguments = {}
        if question.state != ConflictState.CLOSED:
            question.state, question.closed_at = ConflictState.CLOSED, timezone.now()
    changed = ["label", "subject_key", "evidence", "evidence_hash", "suggestion", "arguments", "comment", "state"]
    changed += ["closed_at"]
    Conflict.objects.bulk_update(questions, changed, batch_size=50)
    return len(questions)


def _delete_invitations(links: Iterable[ExternalLink], erasure: Erasure) -> int:
    """Delete the invitations of the person and of the person's addresses. Links in mails have no effect any more."""
    about = Q(email__in=[email for text in erasure.texts if (email := canonical_email(text)) is not None])
    for link in links:
        about |= Q(connection=link.connection_id, external_id=link.external_id)
    return Invitation.objects.filter(about).delete()[0]


def _replace(model: type[Model], columns: Iterable[str], erasure: Erasure) -> int:
    """Replace the names and addresses wherever they are whole words of these columns. Return the number of rows."""
    texts = sorted(erasure.texts, key=len, reverse=True)
    pattern = re.compile("|".join(map(_whole, texts)))
    name = next(iter(erasure.names.values()))
    rows: Any = model._default_manager.annotate(**{f"text_of_{each}": Cast(each, TextField()) for each in columns})
    found = Q()
    for text in texts:
        for form in {text, json.dumps(text)[1:-1]}:  # SQLite stores JSON without letters beyond ASCII
            for column in columns:
                found |= Q(**{f"text_of_{column}__icontains": form})
    count = 0
    for row in rows.filter(found).only(*columns):
        for column in columns:
            setattr(row, column, _replaced(getattr(row, column), pattern, name))
        row.save(update_fields=columns)
        count += 1
    return count


def _whole(text: str) -> str:
    """Return the pattern of a name or address. A name like *Will* is found in this case only, others in any case."""
    return rf"(?<!\w)(?{'-' if text.isalpha() else ''}i:{re.escape(text)})(?!\w)"


def _replaced(value: Any, pattern: re.Pattern[str], name: str) -> Any:
    match value:
        case str():
            return pattern.sub(name, value)
        case list():
            return [_replaced(each, pattern, name) for each in value]
        case dict():
            return {key: _replaced(each, pattern, name) for key, each in value.items()}
    return value
