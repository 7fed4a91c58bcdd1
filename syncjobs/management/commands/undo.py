"""Undo a run."""

from typing import Any

from django.core.management.base import CommandParser

from syncjobs.management.shell import DONE, ShellCommand, find_account, find_run
from syncjobs.undoing.undo import Undone, preview_undo, undo


class Command(ShellCommand):
    help = "Undo an import or an answer. What was edited later stays; --preview lists both and writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--preview", action="store_true", help="show what would be undone and write nothing")
        parser.add_argument("--by", metavar="EMAIL", help="the acting account (default: the shell, every right)")

    def work(self, **options: Any) -> int:
        by = find_account(options["by"]) if options["by"] else None
        run = find_run(options["run"])
        undone = (preview_undo if options["preview"] else undo)(run, by)
        if options["json"]:
            self.print_json(document(undone))
        else:
            self._print(undone)
        return DONE

    def _print(self, undone: Undone) -> None:
        rows = [(item.entity_type, item.label, item.outcome, item.change, item.reason) for item in undone.items]
        self.print_table(("kind", "name", "outcome", "change", "kept, because"), rows)
        if undone.run is None:
            self.stdout.write(f"Nothing was written. Undo it with: manage.py undo {undone.undoes.pk}")
        else:
            self.stdout.write(f"Run {undone.run.pk} undid run {undone.undoes.pk}: {undone.run.get_state_display()}.")


def document(undone: Undone) -> dict[str, Any]:
    """Return an undo as JSON. The state of a preview is ``preview``."""
    return {
        "run": undone.run.pk if undone.run else None,
        "kind": "undo",
        "undoes": undone.undoes.pk,
        "connection": undone.undoes.connection.name,
        "state": undone.run.state if undone.run else "preview",
        "reason": undone.run.reason if undone.run else "",
        "hint": undone.run.hint if undone.run else "",
        "items": [
            {
                "entity_type": item.entity_type,
                "external_id": item.external_id,
                "label": item.label,
                "action": item.action,
                "change": item.change,
                "outcome": item.outcome,
                "reason": item.reason,
                "fields": item.changes.get("fields", {}),
            }
            for item in undone.items
        ],
    }
