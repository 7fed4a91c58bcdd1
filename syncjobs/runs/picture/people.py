"""Loads the people and the accounts here that people of a source may be. Foreign people are not loaded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.db.models import Exists, OuterRef, Q

from oncall.emails import canonical_email
from oncall.models import Responder, User
from oncall.selectors.states import load_states
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState
from syncjobs.planning.decisions.people import PERSON
from syncjobs.planning.values import AccountView, Base, Candidate, LinkView, Mapped, Proposal
from syncjobs.runs.picture.former_links import load_former_bases


def load_people(
    connection_id: int, proposals: Mapping[str, Proposal], links: Mapping[str, LinkView]
) -> tuple[dict[str, tuple[Candidate, ...]], frozenset[int], dict[str, AccountView], frozenset[int]]:
    """Return what :class:`Picture` contains as ``people``, ``unaccounted``, ``accounts`` and ``unlinked``.

    The number of queries grows only with the people of the source who are new or have another address here.
    """
    linked = ExternalLink.objects.filter(connection_id=connection_id, entity_type="responder")
    columns = ("responder_id", "responder__email_canonical", "responder__account_id", "pins__account")
    found = [(pk, email, pin) for pk, email, account, pin in linked.values_list(*columns) if account is None and pk]
    own: dict[int, str] = {pk: email for pk, email, _ in found}
    unlinked = {
        email for external_id, proposal in proposals.items() if external_id not in links for email in proposal.addresses
    }
    elsewhere = {
        email
        for external_id, proposal in proposals.items()
        if (link := links.get(external_id)) is not None
        for email in proposal.addresses
        if own.get(link.row_id or 0, email) != email
    }
    rows = _rows_with(unlinked)
    accounts = _accounts(Q(email_canonical__in=linked.values("responder__email_canonical")))
    for piece in chunks(sorted(unlinked | elsewhere)):
        accounts |= _accounts(Q(email_canonical__in=piece))
    unaccounted = own.keys() | {pk for pk, _, _, account_id in rows if account_id is None}
    pinned = frozenset(pk for pk, _, pin in found if pin is not None)
    return _candidates(rows, proposals, links), frozenset(unaccounted), accounts, pinned


def load_mapped(decided: Mapping[str, str]) -> dict[str, Mapped]:
    """Return who new people are here.

    decided: by external id, the address of an account or ``responder:<id>``. What does not exist any more is left out.
    Of several who are one person, the first writes the single-valued fields.
    """
    people, addresses = {}, {}
    for external_id, to in decided.items():
        if to.startswith(PERSON):
            people[external_id] = int(to.removeprefix(PERSON))
        else:
            addresses[external_id] = canonical_email(to) or ""
    accounts: dict[str, AccountView] = {}
    holders: dict[str, int] = {}
    for piece in chunks(sorted(set(addresses.values()) - {""})):
        accounts |= _accounts(Q(email_canonical__in=piece))
        rows = Responder.objects.filter(account__email_canonical__in=piece)
        holders |= dict(rows.values_list("account__email_canonical", "pk"))
    people |= {external_id: holders[email] for external_id, email in addresses.items() if email in holders}
    candidates = _candidates_by_id(people.values())
    first: dict[int, str] = {}
    for external_id, pk in sorted(people.items()):
        first.setdefault(pk, external_id)
    found = {
        key: Mapped(person=candidates[pk] if first[pk] == key else replace(candidates[pk], owned=True))
        for key, pk in people.items()
        if pk in candidates
    }
    found |= {
        external_id: Mapped(account=accounts[email])
        for external_id, email in addresses.items()
        if external_id not in people and email in accounts
    }
    return found


def without_account(people: Iterable[Candidate | None]) -> frozenset[int]:
    """Return the ids of those who have no account."""
    found: set[int] = set()
    for piece in chunks(sorted(person.state.id or 0 for person in people if person is not None)):
        found |= set(Responder.objects.filter(pk__in=piece, account=None).values_list("pk", flat=True))
    return frozenset(found)


def _candidates_by_id(ids: Iterable[int]) -> dict[int, Candidate]:
    """Return the active people with these ids."""
    live = ExternalLink.objects.filter(responder=OuterRef("pk"), state=LinkState.LINKED)
    owned: dict[int, bool] = {}
    for piece in chunks(sorted(set(ids))):
        rows = Responder.objects.filter(pk__in=piece, merged_into=None, active=True).annotate(owned=Exists(live))
        owned |= dict(rows.values_list("pk", "owned"))
    states = load_states("responder", list(owned))
    bases = load_former_bases("responder", [pk for pk, has_source in owned.items() if not has_source])
    return {
        pk: Candidate(states[pk], has_source, "", former_base, former_link)
        for pk, has_source in owned.items()
        for former_link, former_base in [bases.get(pk, (None, Base()))]
    }


def _accounts(condition: Q) -> dict[str, AccountView]:
    accounts = User.objects.filter(condition, is_active=True).annotate(
        taken=Exists(Responder.objects.filter(account=OuterRef("pk")))
    )
    rows = accounts.values_list("email_canonical", "id", "is_staff", "is_superuser", "taken")
    return {
        email: AccountView(id=pk, privileged=staff or superuser, taken=taken)
        for email, pk, staff, superuser, taken in rows
    }


#: Primary key, address, whether another source writes the person's fields, account.
Row = tuple[int, str, bool, int | None]


def _rows_with(emails: Iterable[str]) -> list[Row]:
    """Return the active people here with these addresses.

    SQL filters only by the address: beside another condition, SQLite uses the index of that and reads all people.
    """
    live = ExternalLink.objects.filter(responder=OuterRef("pk"), state=LinkState.LINKED)
    found: list[Row] = []
    for piece in chunks(sorted(emails)):
        people = Responder.objects.filter(email_canonical__in=piece).annotate(owned=Exists(live)).order_by("id")
        columns = ("id", "email_canonical", "owned", "account", "active", "merged_into")
        rows = people.values_list(*columns)
        found += [
            (pk, email, owned, account) for pk, email, owned, account, active, into in rows if active and not into
        ]
    return found


def _candidates(
    rows: Iterable[Row], proposals: Mapping[str, Proposal], links: Mapping[str, LinkView]
) -> dict[str, tuple[Candidate, ...]]:
    """Return by address the people that a person of the source may be. No listed person is linked to them."""
    listed = {external_id for external_id, proposal in proposals.items() if proposal.listed}
    linked = {link.row_id for external_id, link in links.items() if external_id in listed}
    former = {link.row_id: external_id for external_id, link in links.items() if external_id not in listed}
    free = [(pk, email, owned) for pk, email, owned, _ in rows if pk not in linked]
    states = load_states("responder", [pk for pk, _, _ in free])
    bases = load_former_bases("responder", [pk for pk, _, owned in free if not owned])
    people: dict[str, tuple[Candidate, ...]] = defaultdict(tuple)
    for pk, email, owned in free:
        former_link, former_base = bases.get(pk, (None, Base()))
        people[email] += (Candidate(states[pk], owned, former.get(pk, ""), former_base, former_link),)
    return dict(people)
