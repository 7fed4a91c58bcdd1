"""What a mail about a run says, as far as its account may see it now. It contains no address and no phone number."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from oncall.masking import without_addresses
from oncall.models import GroupLead, User
from oncall.selectors.visible import acts_as_lead
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import WAITING_STATES, Notice, NoticeKind, RunState, SyncRun
from syncjobs.notices.announcing import ADMINISTERS, groups_of, problem_of, subjects_of
from syncjobs.planning.impact.values import Change, Impact, Uncovered
from syncjobs.words.impact import impact_in_words, request_names
from syncjobs.words.names import Names

#: How many sentences and questions a mail lists. It says how many more there are.
MOST: Final = 20
#: Among this many newest questions those of the lead's groups are searched.
_SEARCHED: Final = 500
_SUBJECTS: Final = {
    NoticeKind.HELD: "A sync of {} is held",
    NoticeKind.FAILED: "A sync of {} has failed",
    NoticeKind.WAITING: "A plan of {} waits for review",
}

Listed = TypeVar("Listed", Change, Uncovered)


def mail_of(notice: Notice, now: datetime) -> EmailMessage | None:
    """Return the mail. None: there is nothing left that the account has to know or may know."""
    account = notice.account
    if not account.is_active or not account.email:
        return None
    return _digest(notice.run, account, now) if notice.kind == NoticeKind.DIGEST else _problem(notice.run, account)


def _mail(account: User, subject: str, template: str, context: dict[str, Any]) -> EmailMessage:
    context = {**context, "site": settings.PUBLIC_BASE_URL}
    return EmailMessage(subject, render_to_string(template, context), to=[account.email])


def _link(name: str, *args: object) -> str:
    return f"{settings.PUBLIC_BASE_URL}{reverse(name, args=args)}"


def unlinked(name: str) -> str:
    """Return a name on one line, in which no mail program finds a link. Names come from vendors and are not trusted."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return re.sub(r"(?<=\w)\.(?=\w\w)", ". ", line.replace("://", ": "))


# --- administrators ---------------------------------------------------------------------------------------------------


def _problem(run: SyncRun, account: User) -> EmailMessage | None:
    while run.state == RunState.SUPERSEDED and run.superseded_by is not None:
        run = run.superseded_by
    kind = problem_of(run)
    if kind is None or not account.has_perm(ADMINISTERS):
        return None
    source = unlinked(run.connection.name)
    texts = without_addresses([text for text in (run.reason, run.hint) if text])
    context = {
        "source": source,
        "kind": kind.value,
        "run": run,
        "texts": texts,
        "changes": run.items.exclude(action__in=("failed", "conflict")).count(),
        "link": _link("admin:syncjobs_syncrun_change", run.pk),
    }
    return _mail(account, _SUBJECTS[kind].format(source), "syncjobs/problem_mail.txt", context)


# --- leads ------------------------------------------------------------------------------------------------------------


def _digest(run: SyncRun, account: User, now: datetime) -> EmailMessage | None:
    if run.impact is None or run.state not in (RunState.SUCCEEDED, RunState.PARTIAL) or not acts_as_lead(account):
        return None
    led = set(GroupLead.objects.filter(account=account).values_list("group", flat=True))
    impact = _of_groups(Impact.from_json(run.impact), led)
    if impact.is_empty:
        return None
    names = Names(run)
    request_names(impact, names)
    names.load()
    sentences = without_addresses(impact_in_words(impact, lambda kind, key: unlinked(names(kind, key))))
    questions = _questions(account, led, now)
    context = {
        "sentences": sentences[:MOST],
        "more": len(sentences[MOST:]),
        "questions": questions[:MOST],
        "more_questions": len(questions[MOST:]),
        "source": unlinked(run.connection.name),
        "conflicts": _link("everybody:syncjobs_conflict_changelist"),
        "my_page": _link("everybody:index"),
    }
    return _mail(account, "Who is on call in your groups has changed", "syncjobs/digest_mail.txt", context)


def _of_groups(impact: Impact, groups: set[int]) -> Impact:
    """Return the part of an impact that is about the schedules and policies of some groups."""
    own = {subject for subject, group in groups_of(subjects_of(impact)).items() if group in groups}

    def kept(listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        return tuple(each for each in listed if each.subject in own)

    return replace(impact, now=kept(impact.now), next_24h=kept(impact.next_24h), uncovered=kept(impact.uncovered))


def _questions(account: User, led: set[int], now: datetime) -> list[str]:
    """Return the waiting questions that concern the groups of a lead, in words, the newest first."""
    waiting = visible_conflicts(account).filter(state__in=WAITING_STATES).select_related("connection")
    found = list(waiting.order_by("-pk")[:_SEARCHED])
    concern = concerns(found, now, render=False, account=account)
    return [
        *without_addresses(
            [
                f"{each.get_kind_display().capitalize()}: {unlinked(each.label)}"
                for each in found
                if concern[each.pk].group_ids & led
            ]
        )
    ]
