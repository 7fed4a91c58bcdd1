"""Compares an old plan with the source again before it is applied."""

from collections import defaultdict
from collections.abc import Mapping

from connectors.presence import MISSING, Presences, State
from connectors.records import Snapshot, entity_type_of
from oncall.rendering.codec import instant_to_text
from oncall.tables.base import chunks
from syncjobs.models import Outcome, SyncItem, SyncRun
from syncjobs.planning.moving.prediction import as_predicted
from syncjobs.planning.values import Base
from syncjobs.runs.claim import Claim
from syncjobs.runs.planned_read import propose
from syncjobs.runs.stored.plan import open_items

#: Why an item cannot be applied whose object was not read again, by what the read knows of the object.
_NOT_READ: Mapping[State, str] = {
    "not_chosen": "it is no longer selected",
    "not_reached": "the source could not be read completely, so it could not be compared again",
    "unreadable": "the source's answer about it could not be read, so it could not be compared again",
    "not_found": "the source no longer knows it",
    "not_visible": "the source does not show it any more",
    "absent": "the source no longer lists it",
}
#: Why an item cannot be applied whose object was missing, by what the read knows of the object now.
_NOT_MISSING: Mapping[State, str] = {"listed": "the source lists it again", "not_chosen": _NOT_READ["not_chosen"]}


def compare_with_source(run: SyncRun, claim: Claim, snapshot: Snapshot) -> None:
    """Mark the items as stale whose object changed at the source since the plan, or could not be read again.

    Makes a number of statements that does not depend on the number of items.
    """
    proposals, presences = propose(run.connection, snapshot, progress=claim.beat), Presences(snapshot)
    now = instant_to_text(snapshot.fetched_at)
    moved: dict[str, list[SyncItem]] = defaultdict(list)
    suspects: list[SyncItem] = []
    for item in open_items(run).only("pk", "entity_type", "external_id", "source_hash", "link_id", "action"):
        kind = entity_type_of(item.entity_type)
        proposal = proposals[kind].get(item.external_id)
        if item.action in ("missing", "deactivate"):
            known = presences.of(kind, item.external_id)
            if known.state not in MISSING:
                moved[_why(_NOT_MISSING.get(known.state, _NOT_READ["not_reached"]), known.reason)].append(item)
        elif item.action == "detach":
            known = presences.of(kind, item.external_id)
            if proposal is not None or known.state == "listed":
                moved["it is selected again"].append(item)
            elif known.state not in {"not_chosen", *MISSING}:
                moved[_why(_NOT_READ[known.state], known.reason)].append(item)
        elif proposal is None:
            known = presences.of(kind, item.external_id)
            moved[_why(_NOT_READ.get(known.state, "it was not read again"), known.reason)].append(item)
        elif proposal.fingerprint != item.source_hash:
            suspects.append(item)
    bases = _bases(suspects)
    for item in suspects:
        kind = entity_type_of(item.entity_type)
        proposal = proposals[kind][item.external_id]
        if item.link_id in bases:  # the object may only have turned, as its stored rotation predicts
            proposal = as_predicted(proposal, bases[item.link_id], now)
        if proposal.fingerprint != item.source_hash:
            moved["it changed at the source after this plan was made"].append(item)
    with claim.fenced():
        for reason, items in moved.items():
            for piece in chunks(item.pk for item in items):
                SyncItem.objects.filter(pk__in=piece).update(
                    outcome=Outcome.STALE, code="stale", reason=f"{reason}; plan again"
                )
            for item in items:
                claim.add(entity_type_of(item.entity_type), "stale")


def _why(reason: str, detail: str) -> str:
    return f"{reason} ({detail.rstrip('.')})" if detail else reason


def _bases(items: list[SyncItem]) -> dict[int | None, Base]:
    """Return the bases of the links of items by link."""
    found: dict[int | None, Base] = {}
    for piece in chunks(item.pk for item in items if item.link_id is not None):
        rows = SyncItem.objects.filter(pk__in=piece).values_list("link_id", "link__base")
        found |= {link_id: Base.from_json(base) for link_id, base in rows}
    return found
