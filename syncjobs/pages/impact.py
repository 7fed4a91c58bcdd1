"""What pages show of the impact of a plan or a decision on who is on call."""

from dataclasses import dataclass, replace
from typing import Final, TypeVar

from oncall.masking import without_addresses
from oncall.models import EscalationPolicy, Schedule
from oncall.rendering.codec import instant_to_text
from oncall.selectors.visible import Viewer, may_view_all
from oncall.tables.base import chunks, local_id
from syncjobs.conflicts.concerned import told_to
from syncjobs.models import Conflict, RunState, SyncRun
from syncjobs.planning.impact.values import Change, Impact, Uncovered
from syncjobs.words.impact import impact_in_words, request_names
from syncjobs.words.names import Names
from syncjobs.words.values import when

#: How many sentences are shown at once.
MOST: Final = 8
#: The sentence to a lead, who is told only of the own schedules and policies.
NOT_LISTED: Final = "Schedules and policies that you may not see are not listed."

Listed = TypeVar("Listed", Change, Uncovered)


@dataclass(frozen=True, slots=True)
class ImpactShown:
    """Sentences about who is on call. more: those after the first MOST. harm: whether hours become uncovered.

    at: the instant for which they are true. applied: whether the change was written.
    """

    sentences: tuple[str, ...]
    more: tuple[str, ...]
    harm: bool
    at: str
    applied: bool


def impact_of_run(run: SyncRun, names: Names, *, with_addresses: bool) -> ImpactShown | None:
    """Return the impact of a run; None if it was not computed. Loads ``names``, with all that were requested before."""
    if run.impact is None:
        return None
    applied = run.state in (RunState.SUCCEEDED, RunState.PARTIAL)
    return _shown(Impact.from_json(run.impact), names, with_addresses=with_addresses, applied=applied)


def impact_of_decision(impact: Impact | None, account: Viewer | None, *, with_addresses: bool) -> ImpactShown | None:
    """Return the impact of a decision as far as an account is told of it; None is the shell, which is told of all."""
    if impact is None:
        return None
    told = told_of(impact, account)
    shown = _shown(told, Names(), with_addresses=with_addresses, applied=False)
    if account is None or may_view_all(account, Conflict):
        return shown
    return replace(shown, sentences=(*(() if told.is_empty else shown.sentences), NOT_LISTED))


def told_of(impact: Impact, account: Viewer | None) -> Impact:
    """Return the part of an impact that a question may name to an account."""
    if account is None or may_view_all(account, Conflict):
        return impact
    listed: tuple[Change | Uncovered, ...] = (*impact.now, *impact.next_24h, *impact.uncovered)
    subjects = {each.subject for each in listed}
    told = set()
    for kind, rows in (("schedule", Schedule.objects.all()), ("escalation_policy", EscalationPolicy.objects.all())):
        ids = {pk: each for each in subjects if each.kind == kind and (pk := local_id(each.key)) is not None}
        for piece in chunks(sorted(ids)):
            seen = told_to(account, rows.filter(pk__in=piece)).values_list("pk", flat=True)
            told |= {ids[pk] for pk in seen}

    def kept(listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        return tuple(each for each in listed if each.subject in told)

    return Impact(impact.at, kept(impact.now), kept(impact.next_24h), kept(impact.uncovered))


def _shown(impact: Impact, names: Names, *, with_addresses: bool, applied: bool) -> ImpactShown:
    request_names(impact, names)
    names.load()
    sentences = impact_in_words(impact, names)
    if not with_addresses:
        sentences = without_addresses(sentences)
    at = when(instant_to_text(impact.at))
    return ImpactShown(sentences[:MOST], sentences[MOST:], bool(impact.uncovered), at, applied)
