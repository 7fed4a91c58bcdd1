"""Load the local picture for planning.

The number of queries depends only on the number of objects that are new or compared, and only per 500 of them.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from django.db.models import Case, F, QuerySet, When

from connectors.models import Connection
from connectors.presence import Sighting
from connectors.records import ENTITY_TYPES
from oncall.aggregates import Kind
from oncall.models import Schedule
from oncall.selectors.states import load_states
from oncall.tables.base import chunks
from syncjobs.models import (
    ExternalLink,
    Invitation,
    InvitationState,
    LinkState,
    Rule,
    SyncProfile,
)
from syncjobs.planning.decisions.people import matched_people
from syncjobs.planning.missing.unlisted import unlisted_links
from syncjobs.planning.plan import Proposals, links_to_compare
from syncjobs.planning.values import (
    Base,
    LinkDetail,
    LinkView,
    Owner,
    Picture,
    Presences,
    Rules,
    RuleView,
)
from syncjobs.runs.picture.former_links import load_bases, load_former_links
from syncjobs.runs.picture.names import EqualNames
from syncjobs.runs.picture.people import load_mapped, load_people, without_account


def rules_of(profile: SyncProfile, now: str, rights: str) -> Rules:
    """Return the rules for a read. now: its ISO instant. rights: as :func:`rights_of`."""
    return Rules(
        strategy=cast(Owner, profile.strategy),  # the column's choices are owners
        ownership=profile.ownership,
        now=now,
        connection_id=profile.connection_id,
        origin=profile.connection.origin_label,
        remembered=load_rules(profile.connection_id),
        rights=rights,
        **{f"guard_{name}": value for name, value in profile.guard.items()},
    )


def load_rules(connection_id: int) -> tuple[RuleView, ...]:
    """Return the remembered decisions of a connection that are switched on."""
    rules = Rule.objects.in_force(connection_id).select_related("made_by").order_by("pk")
    return tuple(
        RuleView(rule.pk, rule.kind, rule.pattern, rule.choice, rule.arguments, rule.in_words) for rule in rules
    )


def link_views(connection_id: int) -> dict[Kind, dict[str, LinkView]]:
    """Return all links of a connection with the versions of their rows. Makes one query per kind."""
    first_missing = Case(When(missing_count__gt=0, then="first_missing"), default=None)  # so that no other is decoded
    return {
        kind: {
            row[1]: _link_view(*row)
            for row in ExternalLink.objects.filter(connection_id=connection_id, entity_type=kind)
            .annotate(row_version=F(f"{kind}__version"), first=first_missing)
            .order_by("id")
            .values_list(
                "id",
                "external_id",
                "state",
                "version",
                "source_hash",
                "synced_version",
                f"{kind}_id",
                "row_version",
                "unread",
                "primary",
                "missing_count",
                "first",
            )
        }
        for kind in ENTITY_TYPES
    }


def _link_view(*row: Any) -> LinkView:
    *columns, count, first = row
    if not count:
        return LinkView(*columns)
    return replace(LinkView(*columns), seen_missing=Sighting(count, first.get("at", ""), first.get("rights", "")))


def load_picture(
    connection: Connection,
    proposals: Proposals,
    presence: Presences,
    *,
    evaluate_all: bool,
    progress: Callable[[], None] = lambda: None,
) -> Picture:
    """Return the local state that these proposals need.

    presence: what the read knows of an object without a proposal. evaluate_all: compare every linked object, as rules
    changed. progress: called between the parts of the picture.
    """
    links = link_views(connection.pk)
    former = load_former_links(connection.pk, links, proposals)
    for kind, taken_over in former.items():
        links[kind] |= {
            view.external_id: replace(view, takes_over=True) for view in links[kind].values() if view.id in taken_over
        }
    wanted = set(links_to_compare(proposals, links, evaluate_all, presence))
    details: dict[int, LinkDetail] = {}
    for kind in ENTITY_TYPES:
        progress()
        details |= _details(connection.pk, kind, links[kind], wanted, former.get(kind, {}))
    progress()
    named = EqualNames(connection, proposals, links, wanted)
    progress()
    people, unaccounted, accounts, unlinked = load_people(connection.pk, proposals["responder"], links["responder"])
    # Who accepted an invitation before the import is the account of the address.
    accepted = Invitation.objects.filter(connection=connection, state=InvitationState.ACCEPTED).exclude(external_id="")
    decided = dict(accepted.order_by("pk").values_list("external_id", "email"))
    answered: dict[int, Mapping[str, str]] = {
        pk: matched_people(conflict.arguments, conflict.external_id)
        for pk, conflict in named.conflicts.items()
        if conflict.entity_type == "responder" and conflict.decided
    }
    for people_of_answer in answered.values():
        decided |= people_of_answer
    new = {key: to for key, to in decided.items() if key not in links["responder"] and key in proposals["responder"]}
    mapped = load_mapped(new) if new else {}
    # Whom the answer names may be gone before the person is imported. Then the question is asked again.
    gone = {key for key in new if key not in mapped}
    return Picture(
        links=links,
        details=details,
        names=named.names,
        people=people,
        unlinked=unlinked,
        unaccounted=unaccounted | without_account(each.person for each in mapped.values()),
        accounts=accounts,
        zoned=_settled_zones(connection.pk, proposals),
        conflicts=tuple(
            each if gone.isdisjoint(answered.get(pk, ())) else replace(each, evidence_hash="")
            for pk, each in named.conflicts.items()
        ),
        mapped=mapped,
        others=_others(links, proposals, details),
    )


def _others(
    links: Mapping[Kind, Mapping[str, LinkView]], proposals: Proposals, details: Mapping[int, LinkDetail]
) -> dict[int, frozenset[int]]:
    """Return by the link of a missing object the other links that its row follows after this plan. A row may have
    several links of this connection. Makes a query for each kind with missing objects.
    """
    found: dict[int, frozenset[int]] = {}
    for kind in ENTITY_TYPES:
        missing = [v for v in unlisted_links(proposals[kind], links[kind]) if v.id in details]
        rows = {v.id: v.row_id for v in missing if v.row_id is not None}
        attached = {v.id for v in links[kind].values() if v.external_id in proposals[kind]} if rows else frozenset()
        live: dict[int, set[int]] = defaultdict(set)
        for piece in chunks(sorted(set(rows.values()))):
            every = ExternalLink.objects.filter(**{f"{kind}_id__in": piece}).exclude(state=LinkState.IGNORED)
            for pk, row_id, state in every.values_list("pk", f"{kind}_id", "state"):
                if state == LinkState.LINKED or pk in attached:
                    live[row_id].add(pk)
        found |= {pk: frozenset(live[row_id] - {pk}) for pk, row_id in rows.items()}
    return found


def _details(
    connection_id: int, kind: Kind, links: Mapping[str, LinkView], wanted: set[int], former: Mapping[int, int | None]
) -> dict[int, LinkDetail]:
    """Return the details of the wanted links. One join finds all rows that were edited here.

    former: the former primary link of each link that takes over.
    """
    edited = {v.id for v in links.values() if v.id in wanted and v.row_id is not None and not v.untouched}
    found: dict[int, LinkDetail] = {}
    if edited:
        by_join = ExternalLink.objects.filter(
            connection_id=connection_id, entity_type=kind, state=LinkState.LINKED
        ).exclude(**{f"{kind}__version": F("synced_version")})
        found |= _load_details(kind, by_join)
    rest = sorted(wanted & {view.id for view in links.values()} - found.keys())
    for piece in chunks(rest):
        found |= _load_details(kind, ExternalLink.objects.filter(pk__in=piece))
    bases = load_bases(link for link_id, link in former.items() if link_id in found and link is not None)
    for link_id, link in former.items():
        if link_id in found:
            base = bases.get(link or 0, Base())
            found[link_id] = replace(found[link_id], primary=True, former_base=base, former_link=link)
    return found


def _load_details(kind: Kind, links: "QuerySet[ExternalLink]") -> dict[int, LinkDetail]:
    rows = list(links.values_list("id", f"{kind}_id", "base", "pins", "primary"))
    # A subquery, not a list, so that the number of statements does not depend on the number of rows.
    states = load_states(kind, links.filter(**{f"{kind}__isnull": False}).values(f"{kind}_id"))
    return {
        link_id: LinkDetail(
            base=Base.from_json(base), pins=pins, local=None if row_id is None else states.get(row_id), primary=primary
        )
        for link_id, row_id, base, pins, primary in rows
    }


def _settled_zones(connection_id: int, proposals: Proposals) -> frozenset[int]:
    """Return the schedules whose zone was settled here. Makes a query only if a zone is open at the source."""
    if not any(proposal.zone_evidence for proposal in proposals["schedule"].values()):
        return frozenset()
    linked = ExternalLink.objects.filter(connection_id=connection_id, entity_type="schedule")
    rows = linked.values_list("schedule_id", "schedule__zone_state")
    return frozenset(pk for pk, state in rows if pk and state == Schedule.ZoneState.OK)
