"""Show who is on call, until when, who is next, and why."""

import time
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import OuterRef, Subquery
from django.utils.text import capfirst

from oncall.aggregates import fold
from oncall.holders import holder_in_words
from oncall.models import ChangeRecord, Schedule
from oncall.rendering.codec import instant_to_text, participant_to_text
from oncall.rendering.explaining import STATE_WORDS, Contribution, Explanation, explain
from oncall.rendering.intervals import Who
from oncall.rendering.spec import INACTIVE, NO_ZONE, UNREADABLE, Participant
from oncall.selectors.participants import Names, ScheduleInput, participant_names
from oncall.selectors.schedules import OnCall, on_call, specs
from syncjobs.management.shell import DONE, USAGE, WAITING, ShellCommand, instant_of
from syncjobs.words.unread import UnreadElements, sentences_of, total_counts, unread_by_schedule


class Command(ShellCommand):
    help = "Show who is on call in each schedule. Exit 3 if a schedule cannot be rendered or was read only in part."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", help="ISO instant; default: now")
        parser.add_argument("--schedule", help="only schedules of this name")
        parser.add_argument("--why", action="store_true", help="show the layers, turns and overrides that decide")

    def work(self, **options: Any) -> int:
        at = instant_of(options["at"]) if options["at"] is not None else int(time.time())
        rows = _schedules(options["schedule"])
        pks = [row.pk for row in rows]
        loaded, names = specs(pks, since=at), participant_names(pks)
        answers = {row.pk: _answer(row, loaded.get(row.pk), at) for row in rows}
        unread = unread_by_schedule(pks, since=at)
        reasons = {
            pk: explain(*loaded[pk], at) for pk, answer in answers.items() if options["why"] and not answer.reason
        }
        if options["json"]:
            documents = (
                _document(row, answers[row.pk], reasons.get(row.pk), unread[row.pk], names, at) for row in rows
            )
            self.print_json({"at": instant_to_text(at), "schedules": list(documents)})
        else:
            table = [_row(row, answers[row.pk], names, at) for row in rows]
            self.print_table(("id", "schedule", "on call", "until", "then", ""), table)
            for sentence in sentences_of(each for row in rows if row.pk not in reasons for each in unread[row.pk]):
                self.stdout.write(sentence)
            for row in rows:
                if row.pk in reasons:
                    self.stdout.write(f"\n{row.name}: {_names_of(reasons[row.pk].participants, names)}")
                    lines = (*_explain(reasons[row.pk], names), *sentences_of(unread[row.pk]))
                    self.stdout.write("\n".join(f"  {line}" for line in lines))
        waits = any(pk not in loaded or unread[pk] for pk in pks)
        return WAITING if waits else DONE


def _schedules(name: str | None) -> list[Any]:
    """Return all schedules, or those of a name as :func:`fold` compares names, each with ``changed_at``."""
    records = ChangeRecord.objects.filter(model="schedule", object_id=OuterRef("pk")).order_by("-pk")
    schedules = Schedule.objects.annotate(changed_at=Subquery(records.values("at")[:1])).order_by("name_key", "pk")
    if name is None:
        return list(schedules)
    found = list(schedules.filter(name_key=fold(name)))
    if not found:
        all_names = dict(Schedule.objects.values_list("name_key", "name"))
        similar = ", ".join(all_names[key] for key in get_close_matches(fold(name), all_names, n=5))
        hint = f" Similar names: {similar}." if similar else ""
        raise CommandError(f"There is no schedule {name!r}.{hint}", returncode=USAGE)
    return found


def _answer(row: Schedule, loaded: ScheduleInput | None, at: int) -> OnCall:
    if not row.active:
        unsettled = f" {capfirst(NO_ZONE)}: choose it on the page of the schedule." if loaded is None else ""
        return OnCall(reason=f"{INACTIVE}{unsettled}")
    if loaded is not None:
        return on_call(*loaded, at)
    return OnCall(reason=f"{UNREADABLE}: sync again, or edit its layers")


def _basis(row: Any, at: int) -> str:
    """Mark an instant before the last change, because the former configuration is not stored."""
    return "current configuration" if row.changed_at is not None and at < int(row.changed_at.timestamp()) else ""


def _names_of(who: Who, names: Names) -> str:
    return ", ".join(_name_of(each, names) for each in who) or "nobody"


def _name_of(participant: Participant, names: Names) -> str:
    return names[participant].name if participant in names else holder_in_words(participant_to_text(participant))


def _row(row: Any, answer: OnCall, names: Names, at: int) -> tuple[object, ...]:
    if answer.reason:
        return (row.pk, row.name, "", "", "", answer.reason)
    notes = [basis] if (basis := _basis(row, at)) else []
    until, then = "", ""
    if answer.until is not None:
        until, then = instant_to_text(answer.until), _names_of(answer.following, names)
    return (row.pk, row.name, _names_of(answer.now, names), until, then, "; ".join(notes))


# --- why --------------------------------------------------------------------------------------------------------------


def _explain(explanation: Explanation, names: Names) -> Iterator[str]:
    layers = {given.key: given.name or given.key for given in explanation.contributions}
    for given in explanation.contributions:
        if given.key:
            yield _explain_contribution(given, layers, names)
        for each in given.replaced:
            instead = f" instead of {_names_of((each.person,), names)}" if each.person else ""
            yield f"  override {each.override}: {_replacement_text(each.by, names)}{instead}"
    for substituted in explanation.substituted:
        replacement = _replacement_text(substituted.replacement, names)
        person = _names_of((substituted.person,), names)
        yield f"substitution {substituted.substitution}: {replacement} instead of {person}"


def _replacement_text(participant: Participant, names: Names) -> str:
    return _names_of(() if participant.kind == "vacant" else (participant,), names)


def _explain_contribution(given: Contribution, layers: Mapping[str, str], names: Names) -> str:
    if given.kind == "extra_shift":
        return f"extra shift {given.key}: {_names_of(given.own, names)}"
    parts = [_names_of(given.own, names) if given.own else STATE_WORDS[given.state]]
    parts += (
        f"turn {turn.number}, place {turn.position + 1}, {instant_to_text(turn.start)} to {instant_to_text(turn.end)}"
        for turn in given.turns
    )
    if (opening := given.opening) is not None and opening.start is not None and opening.end is not None:
        parts.append(f"window {opening.window + 1}, {instant_to_text(opening.start)} to {instant_to_text(opening.end)}")
    if given.next_opening is not None:
        parts.append(f"opens {instant_to_text(given.next_opening)}")
    if given.covered_by is not None:
        parts.append(f"covered by layer {layers[given.covered_by]}")
    return f"layer {layers[given.key]}: {'; '.join(parts)}"


# --- JSON -------------------------------------------------------------------------------------------------------------


def _document(
    row: Any, answer: OnCall, explanation: Explanation | None, unread: list[UnreadElements], names: Names, at: int
) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "active": row.active,
        "on_call": _people(answer.now, names),
        "until": _text(answer.until),
        "next": _people(answer.following, names),
        "reason": answer.reason,
        "basis": _basis(row, at),
        "unread": total_counts(unread),
        **({"why": _why(explanation)} if explanation is not None else {}),
    }


def _people(who: Who, names: Names) -> list[dict[str, str]]:
    return [{"participant": participant_to_text(each), "name": _names_of((each,), names)} for each in who]


def _text(instant: int | None) -> str | None:
    return None if instant is None else instant_to_text(instant)


def _why(explanation: Explanation) -> dict[str, Any]:
    return {
        "sources": [_contribution(given) for given in explanation.contributions],
        "substituted": [
            {
                "substitution": each.substitution,
                "person": participant_to_text(each.person),
                "replacement": participant_to_text(each.replacement),
            }
            for each in explanation.substituted
        ],
        "participants": [participant_to_text(each) for each in explanation.participants],
    }


def _contribution(given: Contribution) -> dict[str, Any]:
    opening = given.opening
    return {
        "kind": given.kind,
        "key": given.key,
        "name": given.name,
        "state": given.state,
        "own": [participant_to_text(each) for each in given.own],
        "window": opening and {"index": opening.window, "start": _text(opening.start), "end": _text(opening.end)},
        "next_opening": _text(given.next_opening),
        "turns": [
            {"number": turn.number, "position": turn.position, "start": _text(turn.start), "end": _text(turn.end)}
            for turn in given.turns
        ],
        "replaced": [
            {
                "override": each.override,
                "person": each.person and participant_to_text(each.person),
                "by": participant_to_text(each.by),
            }
            for each in given.replaced
        ],
        "covered_by": given.covered_by,
    }
