"""Show who is paged at which minute after an alert, and why."""

import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from oncall.admin.policy.ladder import Ladder, LadderBuilder
from oncall.escalation.codec import InvalidPolicy
from oncall.escalation.policy import MOST_MINUTES
from oncall.escalation.walk import Notice, Step, Walk, WalkTooLong, notices, walk
from oncall.models import EscalationPolicy
from oncall.numbers import row_number
from oncall.rendering.codec import instant_to_text
from oncall.rendering.zones import DAY, MINUTE
from oncall.selectors.policies import Walkable, walkable
from syncjobs.management.shell import DONE, ERROR, USAGE, ShellCommand, instant_of
from syncjobs.words.unread import sentences_of_walk


class Command(ShellCommand):
    help = "Show who is paged at which minute after an alert, and why, as the page of the escalation policy does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("policy", help="the id or the exact name of an escalation policy")
        parser.add_argument("--at", help="ISO instant of the alert; default: now")
        parser.add_argument("--ack", type=_minute, metavar="MINUTES", help="somebody acknowledges the alert then")

    def work(self, **options: Any) -> int:
        policy = _find_policy(options["policy"])
        at = instant_of(options["at"]) if options["at"] is not None else int(time.time())
        try:
            found = walkable(policy, at - DAY)
            course = walk(found.policy, found.context, at, options["ack"])
        except (InvalidPolicy, WalkTooLong) as why:
            words = f"The walk is too long: {why}." if isinstance(why, WalkTooLong) else str(why)
            if options["json"]:
                self.print_json({"error": words, "code": type(why).__name__})
            raise CommandError(words, returncode=ERROR) from why
        builder = LadderBuilder(found, at, "UTC")
        ladder = Ladder.of(course, found.policy, builder, policy.name)
        steps = sorted(_steps(course, found, builder, at), key=lambda step: step["minute"])
        warnings = sentences_of_walk(policy.pk, found, at)
        if options["json"]:
            self.print_json(
                {
                    "policy": policy.name,
                    "id": policy.pk,
                    "at": instant_to_text(at),
                    "acknowledged": options["ack"],
                    "steps": steps,
                    "end": {"minute": ladder.end_minute, "at": _text(at, ladder.end_minute), "why": ladder.ending},
                    "warnings": warnings,
                }
            )
            return DONE
        for sentence in warnings:
            self.stdout.write(sentence)
        self.print_table(("minute", "at", "who", "why"), [_row(step) for step in steps])
        self.stdout.write(f"T+{ladder.end_minute}: {ladder.ending}")
        return DONE


def _minute(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) <= MOST_MINUTES):
        raise ValueError(text)
    return int(text)


def _find_policy(text: str) -> EscalationPolicy:
    """Return the policy with this id, else the only one with this exact name. Raises CommandError."""
    by_id = EscalationPolicy.objects.filter(pk=row_number(text)).first()
    if by_id is not None:
        return by_id
    named = list(EscalationPolicy.objects.filter(name=text).order_by("pk"))
    if not named:
        names = EscalationPolicy.objects.order_by("name_key", "pk").values_list("pk", "name")
        known = ", ".join(f"{pk} ({name})" for pk, name in names[:20]) or "none"
        more = ", …" if names.count() > 20 else ""
        raise CommandError(f"There is no escalation policy {text!r}. Policies: {known}{more}.", returncode=USAGE)
    if len(named) > 1:
        ids = ", ".join(str(row.pk) for row in named)
        raise CommandError(f"Several policies have the name {text!r}. Write one of these ids: {ids}.", returncode=USAGE)
    return named[0]


def _steps(course: Walk, found: Walkable, builder: LadderBuilder, at: int) -> Iterator[dict[str, Any]]:
    """Yield a step for each notice, and one without people for each level of the policy that pages nobody."""
    for notice in notices(course):
        people = [
            {"name": builder.name(who), "row_id": found.names[who].responder_id if who in found.names else None}
            for who in notice.people
        ]
        yield _step(notice, at, sorted(people, key=lambda each: str(each["name"])), builder.because(notice))
    for step in course.steps:
        if step.outcome != "paged":
            rung = builder.rung(step)
            problems = [problem for line in rung.lines for problem in line.problems]
            yield _step(step, at, [], " ".join([f"level {step.level}: {rung.says}", *dict.fromkeys(problems)]))


def _step(step: Notice | Step, at: int, people: list[dict[str, Any]], why: str) -> dict[str, Any]:
    return {
        "minute": step.minute,
        "at": _text(at, step.minute),
        "round": step.round,
        "level": step.level,
        "people": people,
        "one_of": step.one_of,
        "why": why,
    }


def _row(step: dict[str, Any]) -> tuple[str, ...]:
    names = (" or " if step["one_of"] else ", ").join(person["name"] for person in step["people"])
    return f"T+{step['minute']}", step["at"], names or "nobody", step["why"]


def _text(at: int, minute: int) -> str:
    return instant_to_text(at + minute * MINUTE)
