"""Replaces the key of a connection: the new key is tested before the old one is dropped."""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Final, Literal, get_args

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from connectors.base import Probe, Right
from connectors.connections.key_age import key_in_words
from connectors.connections.probe import PROBED, probe_of, take_probe
from connectors.credentials import CredentialUnreadable
from connectors.errors import AnotherAccount, ConnectionConfigError
from connectors.models import Connection
from connectors.records import ENTITY_WORDS
from oncall.operations import Actor
from oncall.operations.audit import record

#: What a person may accept: the key belongs to another account; the source does not say to which account it belongs;
#: it may not read a kind of objects that the old key could read.
Doubt = Literal["other_account", "unknown_account", "fewer_rights"]
DOUBTS: Final[tuple[Doubt, ...]] = get_args(Doubt)
#: How change records name a connection.
RECORDED: Final = "connection"
_STORED: Final = (
    "settings", "credentials", "credentials_since", "disconnected_at", "refused_account", "learnt", *PROBED,
)  # fmt: skip
#: If one of these columns changes during the test, the test says nothing about the connection.
_TESTED: Final = ("settings", "credentials", "account_id", "disconnected_at", "refused_account")


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason why a key was not taken, although it works. accept: what a person confirms to take it nevertheless."""

    doubt: Doubt
    message: str
    accept: str

    def __str__(self) -> str:
        return self.message


class NotReplaced(Exception):
    """The new key works, but it was not taken. The old key stays in use."""

    def __init__(self, objections: Collection[Objection]) -> None:
        super().__init__(" ".join(str(objection) for objection in objections))
        self.objections = tuple(objections)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The result of a replacement. other_account: the label of the account that the next read asks about, else empty.

    probe: None if the source did not report more than the account. is_same: whether it is the key that was in use.
    """

    probe: Probe | None
    other_account: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class _Tested:
    """What the test of a new key found. account_id: None if the source does not say it."""

    probe: Probe | None
    account_id: str | None
    account_label: str


@sensitive_variables()
def replace_key(
    connection: Connection,
    credentials: Mapping[str, str],
    settings: Mapping[str, str],
    *,
    by: Actor,
    accepted: Collection[Doubt] = (),
    is_bound: bool = True,
) -> Replaced:
    """Test new credentials at the source, and store them with their settings in the place of the old ones.

    credentials: all secrets of the connector. settings: in their canonical form. accepted: the doubts that a person has
    confirmed. is_bound: whether objects of the account are linked here; if not, the account may become another one.

    The account, the links and the selection stay. Raises ConnectorError if the key does not work, and NotReplaced if
    a person has to confirm something; nothing is stored then.
    """
    candidate = copy(connection)
    candidate.settings = dict(settings)
    candidate.enter_credentials(credentials)
    if is_same := _is_in_use(connection, credentials):
        candidate.credentials_since = connection.credentials_since
    tested = _test(candidate, connection, is_bound)
    if tested.probe is not None:
        demand_rights(tested.probe, connection.provider, kept="The old key stays in use.")
    objections = _objections(tested, connection, is_bound)
    if waiting := [objection for objection in objections if objection.doubt not in accepted]:
        raise NotReplaced(waiting)
    is_other = bool(tested.account_id and connection.account_id and tested.account_id != connection.account_id)
    if is_other and is_bound:
        # The account stays, so that the next read finds that it is another one, and asks.
        candidate.rights, candidate.tested_at = [], None
    else:
        if is_other:
            candidate.account_id = candidate.account_label = ""
            candidate.learnt = {}
        assert tested.probe is not None  # noqa: S101 - only the key of another account has none
        take_probe(candidate, tested.probe)
    _store(connection, candidate, by)
    return Replaced(tested.probe, tested.account_label if is_other and is_bound else "", is_same)


def _is_in_use(connection: Connection, credentials: Mapping[str, str]) -> bool:
    try:
        used = {field: secret.reveal() for field, secret in connection.secrets().items()}
    except CredentialUnreadable:
        return False
    return used == {**used, **credentials}


def _test(candidate: Connection, connection: Connection, is_bound: bool) -> _Tested:
    """Return the account and the rights of the new key. Raises ConnectorError."""
    try:
        probe = probe_of(candidate)
    except AnotherAccount as other:
        if not is_bound or connection.account_id in ("", other.account_id):
            raise  # the setting that names the account is wrong
        return _Tested(None, other.account_id, other.account_label)
    return _Tested(probe, probe.account.id, probe.account.label or probe.account.id or "")


def demand_rights(probe: Probe, provider: str, *, kept: str) -> None:
    """Raise ConnectionConfigError if the key may read nothing. kept: a sentence about what stays in use, or empty."""
    refused = [right for right in probe.rights if right.granted is False]
    if refused and not any(right.granted for right in probe.rights):
        raise ConnectionConfigError(
            f"The new key works, but it may read no {_kinds(refused, 'or')}. {kept}".strip(),
            hint=f"Give the new key the rights, then enter it again. {_grants(refused)}".strip(),
            provider=provider,
        )


def _objections(tested: _Tested, connection: Connection, is_bound: bool) -> list[Objection]:
    known = connection.account_label or "the account of this connection"
    found: list[Objection] = []
    if is_bound and not (tested.account_id and connection.account_id):
        which = "new" if tested.account_id is None else "old"
        found.append(
            Objection(
                "unknown_account",
                f"The source did not say to which account the {which} key belongs, so it is not proved that both keys "
                "belong to one account. The old key stays in use.",
                f"I know that the new key belongs to {known}.",
            )
        )
    elif is_bound and tested.account_id != connection.account_id:
        found.append(
            Objection(
                "other_account",
                f"The new key belongs to {tested.account_label}, and this connection was made for {known}. The old "
                f"key stays in use. Make a new connection for {tested.account_label}, or go on here: then the next "
                "read imports nothing and asks what to do with what was imported.",
                f"It is another account: use the key of {tested.account_label} here.",
            )
        )
    if lost := _lost_rights(tested, connection):
        message = (
            f"The new key may not read {_kinds(lost, 'or')}, which the old key could read. The old key stays in use. "
            f"{_grants(lost)}"
        )
        accept = f"Use the new key although {_kinds(lost, 'and')} are no longer read."
        found.append(Objection("fewer_rights", message.strip(), accept))
    return found


def _lost_rights(tested: _Tested, connection: Connection) -> list[Right]:
    had = {right["entity_type"] for right in connection.rights if right["granted"]}
    rights = tested.probe.rights if tested.probe is not None else ()
    return [right for right in rights if right.granted is False and right.entity_type in had]


def _kinds(rights: Collection[Right], word: str) -> str:
    *others, last = [ENTITY_WORDS[right.entity_type][1] for right in rights]
    return f"{', '.join(others)} {word} {last}" if others else last


def _grants(rights: Collection[Right]) -> str:
    return " ".join(dict.fromkeys(right.detail for right in rights if right.detail))


def _store(connection: Connection, candidate: Connection, by: Actor) -> None:
    """Store what was tested. Raises ConnectionConfigError if the connection was changed meanwhile."""
    with transaction.atomic():
        stored = Connection.objects.select_for_update().get(pk=connection.pk)
        if any(getattr(stored, name) != getattr(connection, name) for name in _TESTED):
            raise ConnectionConfigError(
                f"Connection {connection.name} was changed by somebody else while the new key was tested.",
                hint="Nothing was stored. Look at the connection, then enter the key again.",
                provider=connection.provider,
            )
        changes: dict[str, list[object]] = {"key": [key_in_words(stored), key_in_words(candidate)]}
        names = sorted({*stored.settings, *candidate.settings})
        pairs = {name: [stored.settings.get(name), candidate.settings.get(name)] for name in names}
        changes |= {f"settings.{name}": pair for name, pair in pairs.items() if pair[0] != pair[1]}
        record(RECORDED, stored.pk, stored.name, "update", by, changes)
        candidate.save(update_fields=_STORED)
    for name in _STORED:
        setattr(connection, name, getattr(candidate, name))
