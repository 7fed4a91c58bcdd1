"""Ends a run: its state, its reason, and what the next plan has to look at again."""

from typing import Any, Final

from django.db.models import Exists, OuterRef

from oncall.tables.base import chunks
from syncjobs.models import Awaits, Conflict, ConflictState, ExternalLink, Outcome, RunState, SyncProfile, SyncRun
from syncjobs.planning.impact.values import Impact
from syncjobs.runs.apply import AGAIN
from syncjobs.runs.changed_rules import is_limited
from syncjobs.runs.claim import Claim, end_columns
from syncjobs.runs.durable.quarantine import note_end
from syncjobs.runs.verify import Verification

#: Words of the counts that make a run partial, as its reason says them.
_INCOMPLETE: Final = {"failed": "failed", "stale": "stale", "held": "held", "unreached": "not reached"}
#: Words of the counts of what was removed, as the hint of a run says them.
_REMOVED: Final = {"removed": "Removed elements", "deactivated": "Objects that are inactive now"}
#: Actions after which comparing the object again would find nothing new.
_NOT_COMPARED: Final = ("skip", "conflict", "missing", "deactivate")
#: Words of the counts of items that were not applied completely.
_LEFT: Final = ("skipped", "failed", "stale", "held")
_NOT_APPLIED: Final = (Outcome.SKIPPED, Outcome.FAILED, Outcome.STALE, Outcome.DEFERRED)


def conclude(
    run: SyncRun,
    claim: Claim,
    verification: Verification | None,
    impact: Impact | None = None,
    *,
    has_read: bool = True,
) -> None:
    """End a run: succeeded, or partial with a reason that says what was not applied. Raises FenceLost.

    A schedule that differs from the source becomes a note of the run. It does not change the state of the run. impact:
    what the run has changed about who is on call; decisions that it carries out have runs of their own. has_read:
    whether it has read the source, which ends the quarantine.
    """
    columns: dict[str, Any] = {} if verification is None else dict(verification.columns)
    if impact is not None:
        columns["impact"] = impact.to_json()
    with claim.fenced(**end_columns(*_end(claim)), **columns):
        if has_read:
            note_end(run)
        if any(counts.get(word) for counts in claim.counts.values() for word in _LEFT):
            offer_again(run)
        profile = run.profile
        evaluated = (profile.evaluated_rules, profile.evaluated_mapping)
        if not is_limited(run) and evaluated != (run.rules_version, run.mapping_version):
            SyncProfile.objects.filter(pk=profile.pk).update(
                evaluated_rules=run.rules_version, evaluated_mapping=run.mapping_version
            )
        if verification is not None:
            verification.store()


def load_ended(run_id: int) -> tuple[SyncRun, bool]:
    """Return a run as it is stored, and whether schedules wait for its end to be read again. Makes one query."""
    waiting = Conflict.objects.filter(
        connection=OuterRef("connection"), awaits=Awaits.READ, state=ConflictState.DECIDED
    )
    runs = SyncRun.objects.select_related("connection", "profile__connection").annotate(reads_wait=Exists(waiting))
    run = runs.get(pk=run_id)
    return run, run.reads_wait


def _end(claim: Claim) -> tuple[RunState, str, str]:
    words = (*_INCOMPLETE, *_REMOVED, "written")
    total = {word: sum(counts.get(word, 0) for counts in claim.counts.values()) for word in words}
    missing = [f"{total[word]} {words}" for word, words in _INCOMPLETE.items() if total[word]]
    if not missing:
        return RunState.SUCCEEDED, "", ""
    removed = " ".join(f"{words}: {total[word]}." for word, words in _REMOVED.items() if total[word])
    written = "Everything else was applied." if total["written"] else "Nothing was written."
    hint = f"{written} {removed or 'Nothing was removed.'} The items below say what to do."
    return RunState.PARTIAL, f"Not everything was applied: {', '.join(missing)}.", hint


def offer_again(run: SyncRun) -> None:
    """Make the next plan compare the objects whose items were not applied, also if nothing changes until then."""
    left = run.items.filter(outcome__in=_NOT_APPLIED, link__isnull=False).exclude(link__source_hash="")
    left = left.exclude(action__in=_NOT_COMPARED).exclude(code=AGAIN, outcome=Outcome.SKIPPED)
    for piece in chunks(left.values_list("link_id", flat=True)):
        ExternalLink.objects.filter(pk__in=piece).update(source_hash="")
