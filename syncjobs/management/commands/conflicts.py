"""List the open conflicts."""

from typing import Any

from django.core.management.base import CommandParser

from syncjobs.management.shell import DONE, WAITING, ShellCommand, find_connection
from syncjobs.models import Conflict, ConflictState


class Command(ShellCommand):
    help = "List open conflicts. Exit 3 if there are any. Conflicts cannot be decided here yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", nargs="?")

    def work(self, **options: Any) -> int:
        conflicts = Conflict.objects.filter(state=ConflictState.OPEN).select_related("connection").order_by("id")
        if options["connection"]:
            conflicts = conflicts.filter(connection=find_connection(options["connection"]))
        if options["json"]:
            self.print_json(
                [
                    {
                        "id": conflict.pk,
                        "connection": conflict.connection.name,
                        "kind": conflict.kind,
                        "entity_type": conflict.entity_type,
                        "external_id": conflict.external_id,
                        "label": conflict.label,
                        "paths": conflict.paths,
                        "evidence": conflict.evidence,
                    }
                    for conflict in conflicts
                ]
            )
        else:
            self.print_table(
                ("id", "connection", "question", "about", "since"),
                [
                    (c.pk, c.connection.name, c.get_kind_display(), c.label, f"{c.opened_at:%Y-%m-%d %H:%M}")
                    for c in conflicts
                ],
            )
        return WAITING if conflicts else DONE
