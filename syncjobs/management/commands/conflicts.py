"""List the questions that wait for a person, and answer them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from oncall.models import User
from oncall.numbers import row_number
from syncjobs.conflicts.concerned import Concern, concerns, sources_of
from syncjobs.conflicts.invited import last_invitations
from syncjobs.deciding.decide import Decided, Decision, confirm, decide, decline, preview, preview_confirming
from syncjobs.deciding.sides import question_of
from syncjobs.deciding.suggesting import Suggestion, suggestions
from syncjobs.invitations.outbox import work_off
from syncjobs.management.shell import (
    DONE,
    ERROR,
    USAGE,
    WAITING,
    ShellCommand,
    argument_of,
    find_account,
    find_connection,
    impact_json,
    impact_lines,
)
from syncjobs.models import WAITING_STATES, Conflict, ConflictKind, ConflictState, Invitation
from syncjobs.pages.questions import read_in_words
from syncjobs.planning.decisions.table import CHOICES, check_arguments, choices_of
from syncjobs.planning.decisions.values import Effect, NotOffered, Refused
from syncjobs.runs.runner import drive
from syncjobs.words.invitations import invitation_in_words

_ARGUMENT: Final = (
    "an argument. A row is its id, or planned:ID with its id at the source if a plan that waits creates it; "
    "planned:KEY with its key in the evidence if two sources have the id"
)

_OF_AN_ANSWER: Final = frozenset({"set", "remember", "comment", "preview"})
#: What is done -> the options that have an effect on it.
_OPTIONS: Final = {
    "resolve": _OF_AN_ANSWER,
    "resolve_all": _OF_AN_ANSWER,
    "confirm": frozenset({"comment", "preview"}),
    "decline": frozenset({"comment"}),
}


class Command(ShellCommand):
    help = (
        "List the questions that wait for a person (exit 3 if there are any), or answer them with --resolve, "
        "--resolve-all, --confirm or --decline."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", nargs="?", help="only those of this connection, or about one of its rows")
        parser.add_argument("--kind", choices=ConflictKind.values, help="only questions of this kind")
        parser.add_argument("--state", choices=[*ConflictState.values, "all"], help="default: open and proposed")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument(
            "--resolve",
            nargs=2,
            metavar=("ID", "CHOICE"),
            help="answer one question; a wrong CHOICE lists the answers that it has",
        )
        answer.add_argument("--resolve-all", metavar="CHOICE", help="answer all questions of a kind: needs --kind")
        answer.add_argument("--confirm", metavar="ID", help="carry out the answer that a lead has proposed")
        answer.add_argument("--decline", metavar="ID", help="drop the answer that a lead has proposed")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=_ARGUMENT)
        parser.add_argument("--remember", action="store_true", help="give this answer to later questions, too")
        parser.add_argument("--comment", default="", metavar="TEXT", help="why; the page of the question shows it")
        parser.add_argument("--preview", action="store_true", help="show the effects and write nothing")
        parser.add_argument("--by", metavar="EMAIL", help="the account that answers (default: the shell, every right)")

    def work(self, **options: Any) -> int:
        _demand_fitting(options)
        by = find_account(options["by"]) if options["by"] else None
        if options["resolve"]:
            number, choice = options["resolve"]
            return self._answer(number, lambda conflict: self._resolve(conflict, choice, by, options), options)
        if options["resolve_all"]:
            return self._resolve_all(options["resolve_all"], by, options)
        if options["confirm"]:
            return self._answer(options["confirm"], lambda conflict: self._confirm(conflict, by, options), options)
        if options["decline"]:
            return self._decline(options["decline"], by, options)
        return self._list(**options)

    def _send(self, decided: Decided) -> None:
        """Send the mails of a decision at once. If the server is down, the tick sends them later."""
        if decided.applied and decided.invitations:
            work_off(Invitation.objects.filter(email__in=decided.invitations).values_list("pk", flat=True))

    def _answer(self, number: str, answer: Callable[[Conflict], Decided], options: Any) -> int:
        conflict = _find_conflict(number)
        try:
            decided = answer(conflict)
        except NotOffered as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from wrong
        except Refused as refused:
            return self._refuse(refused, options)
        self._send(decided)
        if options["json"]:
            self.print_json(_decided_document(decided))
        else:
            self._print_decided(decided)
        return DONE

    def _refuse(self, refused: Refused, options: Any) -> int:
        if options["json"]:
            self.print_json({"error": str(refused), "code": refused.code})
        raise CommandError(str(refused), returncode=ERROR) from refused

    def _resolve(self, conflict: Conflict, choice: str, by: User | None, options: Any) -> Decided:
        arguments = dict(argument_of(text) for text in options["set"])
        decision = Decision(choice, arguments, by, options["comment"], options["remember"], notify=False)
        return preview(conflict, decision) if options["preview"] else _driven(decide(conflict, decision))

    def _confirm(self, conflict: Conflict, by: User | None, options: Any) -> Decided:
        if options["preview"]:
            return preview_confirming(conflict, by)
        return _driven(confirm(conflict, by, comment=options["comment"], notify=False))

    def _resolve_all(self, name: str, by: User | None, options: Any) -> int:
        """Answer each question by itself: one that is refused does not stop the others."""
        kind = options["kind"]
        allowed = {choice.name: choice for choice in CHOICES.get(kind, ()) if choice.bulk}
        if name not in allowed:
            of_kind = f"{kind} has these answers for many questions: {', '.join(allowed) or 'none'}."
            raise CommandError(of_kind if kind else "--resolve-all needs --kind.", returncode=USAGE)
        try:
            check_arguments(allowed[name], dict(argument_of(text) for text in options["set"]))
        except NotOffered as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from wrong
        documents: list[dict[str, Any]] = []
        answered: set[int] = set()
        for conflict in self._chosen(options):
            if conflict.pk in answered:  # by the rule that an earlier one of these answers made
                continue
            try:
                decided = self._resolve(conflict, name, by, options)
            except Refused as refused:
                documents.append({"conflict": conflict.pk, "error": str(refused), "code": refused.code})
                if not options["json"]:
                    self.stdout.write(f"Question {conflict.pk}: {refused}")
            else:
                answered |= set(decided.closes)
                self._send(decided)
                documents.append(_decided_document(decided))
                if not options["json"]:
                    self._print_decided(decided)
        if options["json"]:
            self.print_json(documents)
        return WAITING if any("error" in document for document in documents) else DONE

    def _decline(self, number: str, by: User | None, options: Any) -> int:
        try:
            conflict = decline(_find_conflict(number), by, options["comment"])
        except Refused as refused:
            return self._refuse(refused, options)
        if options["json"]:
            self.print_json({"conflict": conflict.pk, "state": conflict.state})
        else:
            self.stdout.write(f"Question {conflict.pk} is open again.")
        return DONE

    def _chosen(self, options: Any) -> list[Conflict]:
        chosen = Conflict.objects.select_related("connection", "assignee", "decided_by", "rule__made_by").order_by("id")
        if options["connection"]:
            chosen = chosen.of_connection(find_connection(options["connection"]).pk)
        if options["kind"]:
            chosen = chosen.filter(kind=options["kind"])
        if options["state"] != "all":
            chosen = chosen.filter(state__in=[options["state"]] if options["state"] else WAITING_STATES)
        return list(chosen)

    def _list(self, **options: Any) -> int:
        conflicts = self._chosen(options)
        found, sources = concerns(conflicts, timezone.now()), sources_of(conflicts)
        invited = {pk: invitation_in_words(each) for pk, each in last_invitations(conflicts).items()}
        if options["json"]:
            suggested = suggestions(conflicts)
            self.print_json(
                [
                    _document(each, sources[each.pk], found[each.pk], suggested.get(each.pk), invited.get(each.pk))
                    for each in conflicts
                ]
            )
        else:
            self.print_table(
                ("id", "connection", "question", "about", "holds up", "since", "state", "invitation"),
                [
                    (
                        each.pk,
                        ", ".join(sources[each.pk]),
                        each.get_kind_display(),
                        each.label,
                        "; ".join(found[each.pk].holds_up),
                        f"{each.opened_at:%Y-%m-%d %H:%M}",
                        each.state,
                        invited.get(each.pk, ""),
                    )
                    for each in conflicts
                ],
            )
        return WAITING if any(each.state in WAITING_STATES for each in conflicts) else DONE

    def _print_decided(self, decided: Decided) -> None:
        state = "nothing was written" if not decided.applied else decided.conflict.state
        if not decided.applied and decided.conflict.state == ConflictState.PROPOSED:
            state = "proposed; an administrator confirms or declines it"
        run = f", run {decided.run.pk}" if decided.run else ""
        self.stdout.write(f"Question {decided.conflict.pk}: {decided.choice.label} ({state}{run}).")
        effects = [f"  {effect.label} {effect.change}." for effect in decided.outcome.effects]
        deferred = decided.outcome.deferred
        if deferred:
            effects.append(f"  {deferred[:1].upper()}{deferred[1:]}.")
        for line in effects or [f"  {decided.choice.effect}"]:
            self.stdout.write(line)
        for sentence in () if decided.impact is None else impact_lines(decided.impact):
            self.stdout.write(f"  {sentence}")
        if len(decided.invitations) > 1:
            self.stdout.write(f"  Invitations: {', '.join(decided.invitations)}")
        if decided.applied and (text := read_in_words(decided)):
            self.stdout.write(f"  {text}")


def _demand_fitting(options: Any) -> None:
    """Raises CommandError if an option was given that has no effect here, so that nobody relies on it."""
    action = next((name for name in _OPTIONS if options[name]), "")
    fit = _OPTIONS.get(action, frozenset())
    unfit = [name for name in sorted(_OF_AN_ANSWER) if options[name] and name not in fit]
    if unfit:
        what = f"--{action.replace('_', '-')}" if action else "the list"
        raise CommandError(f"--{unfit[0]} has no effect with {what}. Nothing was written.", returncode=USAGE)


def _driven(decided: Decided) -> Decided:
    """Drive the read that a decision started. A worker that took it first goes on with it."""
    return decided if decided.read is None else replace(decided, read=drive(decided.read.pk) or decided.read)


def _find_conflict(number: str) -> Conflict:
    conflicts = Conflict.objects.select_related("connection")
    conflict = conflicts.filter(pk=row_number(number)).first()
    if conflict is None:
        raise CommandError(f"There is no question {number}. The command conflicts lists them.", returncode=USAGE)
    return conflict


def _decided_document(decided: Decided) -> dict[str, Any]:
    return {
        "conflict": decided.conflict.pk,
        "choice": decided.choice.name,
        "state": decided.conflict.state,
        "applied": decided.applied,
        "run": decided.run.pk if decided.run else None,
        "read": decided.read.pk if decided.read else None,
        "effects": [_effect_document(effect) for effect in decided.outcome.effects],
        "deferred": decided.outcome.deferred or None,
        "rule": decided.conflict.rule_id if decided.applied else None,
        "closes": list(decided.closes),
        "invitations": list(decided.invitations),
        "impact": None if decided.impact is None else impact_json(decided.impact),
    }


def _effect_document(effect: Effect) -> dict[str, Any]:
    fields = {path: list(change) for path, change in effect.fields.items()}
    for name, elements in effect.elements.items():
        fields |= {f"{name}.{key}": list(change) for key, change in elements.items()}
    return {
        "entity_type": effect.kind,
        "external_id": effect.external_id or None,
        "row_id": effect.row_id,
        "label": effect.label,
        "change": effect.change,
        "fields": fields,
    }


def _decided_by(conflict: Conflict) -> str | None:
    """Return the address of the account that decided, or the rule that did. None: the shell, or nobody yet."""
    if conflict.decided_by is not None:
        return conflict.decided_by.email
    return conflict.rule.in_words if conflict.rule is not None and not conflict.remember else None


def _document(
    conflict: Conflict, sources: tuple[str, ...], concern: Concern, suggestion: Suggestion | None, invited: str | None
) -> dict[str, Any]:
    return {
        "id": conflict.pk,
        "connection": conflict.connection.name if conflict.connection else None,
        "connections": sources,
        "kind": conflict.kind,
        "entity_type": conflict.entity_type or None,
        "external_id": conflict.external_id or None,
        "label": conflict.label,
        "paths": conflict.paths,
        "evidence": conflict.evidence | ({"invitation": invited} if invited else {}),
        "opened_at": conflict.opened_at.isoformat(),
        "state": conflict.state,
        "choice": conflict.choice or None,
        "arguments": conflict.arguments,
        "comment": conflict.comment,
        "decided_by": _decided_by(conflict),
        "assignee": conflict.assignee.email if conflict.assignee else None,
        "groups": concern.groups,
        "holds_up": concern.holds_up,
        "suggestion": None
        if suggestion is None
        else {"choice": suggestion.choice, "arguments": suggestion.arguments, "reason": suggestion.reason},
        "choices": [
            {
                "choice": choice.name,
                "effect": choice.effect,
                "arguments": [
                    {"name": argument.name, "required": argument.required, "default": argument.default or None}
                    for argument in choice.arguments
                ],
            }
            for choice in choices_of(question_of(conflict))
        ],
    }
