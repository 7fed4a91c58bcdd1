"""Show and change the rules of a connection, and forget remembered answers."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from connectors.models import Connection
from oncall.numbers import row_number
from oncall.rendering.codec import instant_to_text
from syncjobs.deciding.stored_rules import Uses, forget, may_forget, uses_of
from syncjobs.management.shell import (
    DONE,
    ERROR,
    USAGE,
    ShellCommand,
    argument_of,
    find_account,
    find_connection,
)
from syncjobs.models import Rule, SyncProfile
from syncjobs.runs.durable.quarantine import quarantine_of
from syncjobs.setup.rules import STRATEGIES, UnknownRule, may_change, read_rules, set_rules
from syncjobs.slots.status import slots_of


class Command(ShellCommand):
    help = "Show the rules of a connection. Change them with --set, or forget a remembered answer with --forget."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a rule")
        parser.add_argument(
            "--forget", action="append", default=[], metavar="RULE", help="the id of a remembered answer"
        )
        parser.add_argument(
            "--by", metavar="EMAIL", help="the account that changes it (default: the shell, every right)"
        )

    def work(self, **options: Any) -> int:
        connection = find_connection(options["connection"])
        by = find_account(options["by"]) if options["by"] else None
        forgotten = [_find_rule(connection, text) for text in options["forget"]]
        try:
            values = read_rules(dict(argument_of(text) for text in options["set"]))
        except UnknownRule as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from wrong
        if (values and not may_change(by)) or (forgotten and not may_forget(by)):
            raise self.refused("Only an administrator may change rules. Nothing was changed.", "not_allowed", options)
        profile = SyncProfile.objects.get_or_create(connection=connection)[0]
        with transaction.atomic():
            if values:
                set_rules(profile, values)
            reopened = sum(forget(rule, by) for rule in forgotten)
        profile.refresh_from_db()
        found = _document(connection, profile)
        if options["json"]:
            self.print_json(found)
        else:
            self._print(found)
            if reopened:
                self.stdout.write(f"Questions that wait again: {reopened}.")
        return DONE

    def refused(self, sentence: str, code: str, options: Any) -> CommandError:
        """Return the error of a refusal, which is printed as a document if that was asked for."""
        if options["json"]:
            self.print_json({"error": sentence, "code": code})
        return CommandError(sentence, returncode=ERROR)

    def _print(self, found: dict[str, Any]) -> None:
        simple = (
            "strategy",
            "contact_details",
            "review_first",
            "every",
            "approval_on_impact",
        )
        rows = [(name, _in_words(found[name])) for name in simple]
        rows += [(name, found[name] or "none") for name in ("next_slot", "last_slot")]
        if (stopped := found["quarantine"]) is not None:
            words = (
                f"since {stopped['since']}, {stopped['tries']} tries, next {stopped['next_try']}: {stopped['reason']}"
            )
            rows.append(("quarantine", words))
        rows += [(f"guard.{name}", _in_words(value)) for name, value in found["guard"].items()]
        rows += [(f"own.{field}", owner) for field, owner in found["ownership"].items()]
        self.print_table(("rule", "value"), rows)
        if found["remembered"]:
            self.stdout.write("")
            columns = ("id", "kind", "pattern", "value", "by", "at", "used")
            self.print_table(columns, [[rule[name] for name in columns] for rule in found["remembered"]])


def _find_rule(connection: Connection, text: str) -> Rule:
    rules = Rule.objects.filter(connection=connection).select_related("connection")
    rule = rules.filter(pk=row_number(text)).first()
    if rule is None:
        known = ", ".join(str(pk) for pk in rules.values_list("pk", flat=True)) or "none"
        raise CommandError(f"{connection} has no remembered answer {text!r}. Its answers: {known}.", returncode=USAGE)
    return rule


def _in_words(value: Any) -> str:
    return "default" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _document(connection: Connection, profile: SyncProfile) -> dict[str, Any]:
    names = {str(value): name for name, value in STRATEGIES.items()}
    slots = slots_of([profile], timezone.now())[profile.pk]
    rules = list(Rule.objects.filter(connection=connection).select_related("made_by").order_by("pk"))
    uses = uses_of(rules)
    return {
        "connection": connection.name,
        "strategy": names[profile.strategy],
        "contact_details": profile.contact_details,
        "review_first": profile.review_first,
        "every": profile.every,
        "ownership": profile.ownership,
        "guard": {name: profile.guard.get(name) for name in ("share", "count")},
        "approval_on_impact": profile.approval_on_impact,
        "next_slot": _instant(slots.following),
        "last_slot": _instant(None if slots.last is None else slots.last.slot),
        "quarantine": quarantine_of(profile),
        "remembered": [_rule(rule, uses[rule.pk]) for rule in rules],
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else instant_to_text(int(moment.timestamp()))


def _rule(rule: Rule, uses: Uses) -> dict[str, Any]:
    """Return a remembered answer. used: how many later questions and items of runs it has decided."""
    return {
        "id": rule.pk,
        "kind": rule.kind,
        "pattern": rule.pattern,
        "choice": rule.choice,
        "value": next(iter(rule.arguments.values()), rule.choice),
        "by": rule.made_by.email if rule.made_by else None,
        "at": rule.made_at.isoformat(),
        "used": uses.total,
        "active": rule.active,
    }
