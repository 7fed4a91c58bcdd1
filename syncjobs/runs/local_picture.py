"""Load the local picture for planning.

The number of queries depends only on the number of objects that are new or compared, and only per 500 of them.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import cast

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, QuerySet

from connectors.models import Connection
from connectors.records import ENTITY_TYPES
from oncall.aggregates import Kind
from oncall.emails import canonical_email
from oncall.models import Responder, Schedule
from oncall.selectors.states import load_states
from oncall.tables.base import CHUNK, chunks
from syncjobs.models import ExternalLink, LinkState, SyncProfile
from syncjobs.planning.plan import Proposals, links_to_compare
from syncjobs.planning.values import (
    AccountView,
    Base,
    Candidate,
    LinkDetail,
    LinkView,
    Owner,
    Picture,
    Proposal,
    Rules,
)
from syncjobs.runs.equal_names import EqualNames


def rules_of(profile: SyncProfile, now: str) -> Rules:
    return Rules(
        strategy=cast(Owner, profile.strategy),  # the column's choices are owners
        ownership=profile.ownership,
        now=now,
        connection_id=profile.connection_id,
        origin=profile.connection.origin_label,
    )


def link_views(connection_id: int) -> dict[Kind, dict[str, LinkView]]:
    """Return all links of a connection with the versions of their rows. Makes one query per kind."""
    return {
        kind: {
            row[1]: LinkView(*row)
            for row in ExternalLink.objects.filter(connection_id=connection_id, entity_type=kind)
            .annotate(row_version=F(f"{kind}__version"))
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
            )
        }
        for kind in ENTITY_TYPES
    }


def load_picture(connection: Connection, proposals: Proposals, *, evaluate_all: bool) -> Picture:
    """Return the local state that these proposals need. evaluate_all: compare every linked object, as rules changed."""
    links = link_views(connection.pk)
    wanted = set(links_to_compare(proposals, links, evaluate_all))
    details = {kind: _details(connection.pk, kind, links[kind], wanted) for kind in ENTITY_TYPES}
    named = EqualNames(connection, proposals, links, wanted)
    conflicts = tuple(named.conflicts.values())
    return Picture(
        links=links,
        details={link_id: detail for by_link in details.values() for link_id, detail in by_link.items()},
        names=named.names,
        people=_load_candidates(proposals["responder"], links["responder"]),
        unaccounted=frozenset(Responder.objects.filter(account=None).values_list("id", flat=True)),
        accounts={
            email: AccountView(id=pk, privileged=staff or superuser, taken=taken)
            for email, pk, staff, superuser, taken in get_user_model()
            .objects.filter(is_active=True)
            .annotate(taken=Exists(Responder.objects.filter(account=OuterRef("pk"))))
            .values_list("email_canonical", "id", "is_staff", "is_superuser", "taken")
        },
        zoned=_settled_zones(proposals),
        conflicts=conflicts,
    )


def _details(connection_id: int, kind: Kind, links: Mapping[str, LinkView], wanted: set[int]) -> dict[int, LinkDetail]:
    """Return the details of the wanted links. One join finds all rows that were edited here."""
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


def _settled_zones(proposals: Proposals) -> frozenset[int]:
    """Return the schedules whose zone was settled here. Makes a query only if a zone is open at the source."""
    if not any(proposal.zone_evidence for proposal in proposals["schedule"].values()):
        return frozenset()
    return frozenset(Schedule.objects.filter(zone_state=Schedule.ZoneState.OK).values_list("id", flat=True))


def _load_candidates(
    proposals: Mapping[str, Proposal], links: Mapping[str, LinkView]
) -> dict[str, tuple[Candidate, ...]]:
    """Return by address the responders that a person at the source may be, and that no listed person is linked to.

    Only for the addresses of people without a link.
    """
    emails = {canonical_email(p.email) for external_id, p in proposals.items() if external_id not in links} - {None}
    if not emails:
        return {}
    listed = {external_id for external_id, proposal in proposals.items() if proposal.listed}
    linked = {link.row_id for external_id, link in links.items() if external_id in listed}
    former = {link.row_id: external_id for external_id, link in links.items() if external_id not in listed}
    responders = Responder.objects.filter(active=True, merged_into=None)
    few = len(emails) <= CHUNK
    responders = responders.filter(email_canonical__in=emails) if few else responders.exclude(email_canonical="")
    owned = ExternalLink.objects.filter(responder=OuterRef("pk"), primary=True, state=LinkState.LINKED)
    candidates = responders.annotate(owned=Exists(owned)).order_by("id").values_list("id", "email_canonical", "owned")
    rows = [(pk, email, is_owned) for pk, email, is_owned in candidates if email in emails and pk not in linked]
    states = load_states("responder", [pk for pk, _, _ in rows])
    people: dict[str, tuple[Candidate, ...]] = defaultdict(tuple)
    for pk, email, is_owned in rows:
        people[email] += (Candidate(states[pk], is_owned, former.get(pk, "")),)
    return dict(people)
