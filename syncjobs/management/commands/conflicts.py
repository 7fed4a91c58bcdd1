"""List the conflicts."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from syncjobs.conflicts.concerned import Concern, concerns, sources_of
from syncjobs.management.shell import DONE, WAITING, ShellCommand, find_connection
from syncjobs.models import Conflict, ConflictKind, ConflictState

#: The conflicts that wait for a person.
UNANSWERED = (ConflictState.OPEN, ConflictState.PROPOSED)


class Command(ShellCommand):
    help = "List conflicts that wait for a person. Exit 3 if there are any. They cannot be decided here yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", nargs="?", help="only those of this connection, or about one of its rows")
        parser.add_argument("--kind", choices=ConflictKind.values)
        parser.add_argument("--state", choices=[*ConflictState.values, "all"], help="default: open and proposed")

    def work(self, **options: Any) -> int:
        chosen = Conflict.objects.select_related("connection", "assignee", "decided_by").order_by("id")
        if options["connection"]:
            chosen = chosen.of_connection(find_connection(options["connection"]).pk)
        if options["kind"]:
            chosen = chosen.filter(kind=options["kind"])
        if options["state"] != "all":
            chosen = chosen.filter(state__in=[options["state"]] if options["state"] else UNANSWERED)
        conflicts = list(chosen)
        found, sources = concerns(conflicts, timezone.now()), sources_of(conflicts)
        if options["json"]:
            self.print_json([_document(each, sources[each.pk], found[each.pk]) for each in conflicts])
        else:
            self.print_table(
                ("id", "connection", "question", "about", "holds up", "since", "state"),
                [
                    (
                        each.pk,
                        ", ".join(sources[each.pk]),
                        each.get_kind_display(),
                        each.label,
                        "; ".join(found[each.pk].holds_up),
                        f"{each.opened_at:%Y-%m-%d %H:%M}",
                        each.state,
                    )
                    for each in conflicts
                ],
            )
        return WAITING if any(each.state in UNANSWERED for each in conflicts) else DONE


def _document(conflict: Conflict, sources: tuple[str, ...], concern: Concern) -> dict[str, Any]:
    return {
        "id": conflict.pk,
        "connection": conflict.connection.name if conflict.connection else None,
        "connections": sources,
        "kind": conflict.kind,
        "entity_type": conflict.entity_type,
        "external_id": conflict.external_id or None,
        "label": conflict.label,
        "paths": conflict.paths,
        "evidence": conflict.evidence,
        "opened_at": conflict.opened_at.isoformat(),
        "state": conflict.state,
        "choice": conflict.choice or None,
        "comment": conflict.comment,
        "decided_by": conflict.decided_by.email if conflict.decided_by else None,
        "assignee": conflict.assignee.email if conflict.assignee else None,
        "groups": concern.groups,
        "holds_up": concern.holds_up,
    }
