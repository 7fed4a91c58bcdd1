"""One read of an account in as few calls as possible: listings, closure, details, people; then the mapping."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from pydantic import ValidationError

from connectors.base import Progress
from connectors.closure import Node, Selection, close
from connectors.errors import ConnectorError, NotFound, PermissionMissing
from connectors.findings import Findings
from connectors.http import JsonValue
from connectors.listing import RECOVERABLE, Listing, Page
from connectors.providers.opsgenie import wire
from connectors.providers.opsgenie.client import Client
from connectors.providers.opsgenie.harvest import Harvest, Kept
from connectors.providers.opsgenie.mapping import MAPPING_VERSION, records
from connectors.providers.opsgenie.people_reading import PeopleReading
from connectors.providers.opsgenie.starts import check_starts
from connectors.providers.opsgenie.vendor import PROVIDER, VENDOR, invalid
from connectors.records import Account, Completeness, EntityType, Snapshot
from connectors.wire import Wire

N = TypeVar("N", bound=wire.Named)
E = TypeVar("E", bound=Wire)
_RESTRICTED = "The key seems to be limited to a team: lists show what it may see, and prove nothing about the rest."


class Reading:
    """``at``: instant of the read's start. One instance per read."""

    def __init__(self, client: Client, region: str, at: int, contact_details: bool, progress: Progress) -> None:
        self._client = client
        self._region = region
        self._at = at
        self._contact_details = contact_details
        self._progress = progress
        self._findings = Findings(VENDOR)
        self._harvest = Harvest()
        self._people = PeopleReading(client, self._findings, contact_details, progress)
        self._completeness: dict[EntityType, Completeness] = {}
        self._failures: list[ConnectorError] = []
        self._answered = False
        self._restricted = False

    def inventory(self) -> list[Node]:
        """The tree without people. Raises the first error when nothing can be listed."""
        self._list_all()
        self._raise_if_nothing_was_read()
        return self._harvest.nodes()

    def snapshot(self, selection: Selection) -> Snapshot:
        """Raises ConnectorError when nothing can be read, or for what ends any read (a refused key)."""
        account = self._account()
        if selection.everything:
            self._people.everybody()
            self._hear(self._people.users)
        self._list_all()
        self._raise_if_nothing_was_read()
        self._harvest.forwarding = self._forwarding()
        kept = self._read_details(selection)
        self._name_missing(selection)
        people = self._read_people(selection, list(self._harvest.references(kept)), account)
        made = records(self._harvest, kept, people, self._at, self._findings)
        substitutions = [each for user in made.users for each in user.substitutions or ()]
        for schedule in made.schedules:
            listed = self._harvest.schedules[schedule.external_id]
            check_starts(self._client, listed, schedule, substitutions, self._at, self._findings)
        return Snapshot(
            provider=PROVIDER,
            account=account_of(account, self._region),
            fetched_at=self._at,
            users=made.users,
            teams=made.teams,
            schedules=made.schedules,
            policies=made.policies,
            services=made.services,
            notes=tuple(self._findings.notes),
            failed=tuple(self._findings.failed),
            completeness=self._judged(),
            mapping_version=MAPPING_VERSION,
            calls=self._client.calls,
        )

    # --- listings -------------------------------------------------------------------------------------------------

    def _account(self) -> wire.AccountInfo | None:
        """None: not told. A key of a team may not ask (vendor docs "API Key Management")."""
        try:
            raw = self._client.account()
        except PermissionMissing as error:
            self._restricted = True
            self._findings.note("user_group", None, "restricted_key", f"{_RESTRICTED} ({error.message})")
            return None
        except RECOVERABLE as error:
            message = f"Which account this is could not be read: {error.message}"
            self._findings.note("user_group", None, "account_not_told", message)
            return None
        try:
            return wire.AccountInfo.model_validate(raw)
        except ValidationError:
            message = "Which account this is was told in a form that cannot be read."
            self._findings.note("user_group", None, "account_not_told", message)
            return None

    def _list_all(self) -> None:
        client, harvest = self._client, self._harvest
        harvest.teams = self._list(client.teams(), wire.Team, "user_group", "teams").objects
        harvest.schedules = self._list(client.schedules(), wire.Schedule, "schedule", "schedules").objects
        harvest.escalations = self._list(
            client.escalations(), wire.Escalation, "escalation_policy", "escalations"
        ).objects
        harvest.services = self._list(client.services(), wire.Service, "service", "services").objects

    def _list(self, pages: Iterator[Page], model: type[N], entity_type: EntityType, key: str) -> Listing[N]:
        """A whole listing; one that fails is named, unless the answer means that there is none here."""
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress)
        listing.read()
        self._answered = self._answered or listing.page_count > 0
        error = listing.error
        if entity_type == "service" and isinstance(error, PermissionMissing):
            message = f"Services cannot be read with this plan or key. ({error.message})"
            self._findings.note(entity_type, None, "none_here", message)
            if error.status == 402:  # a refusal proves nothing, a plan without services does
                listing.error = None
        elif error is not None:
            self._failures.append(error)
            self._findings.fail(entity_type, None, error)
        self._completeness[entity_type] = listing.completeness
        return listing

    def _hear(self, users: Listing[wire.User]) -> None:
        self._answered = self._answered or users.page_count > 0
        if users.error is not None:
            self._failures.append(users.error)

    def _raise_if_nothing_was_read(self) -> None:
        if self._failures and not self._answered:
            raise self._failures[0]

    def _judged(self) -> dict[EntityType, Completeness]:
        """A key that sees a part only makes complete lists of that part."""
        if not self._restricted:
            return self._completeness
        return {
            kind: Completeness(False, _RESTRICTED) if told.listing else told
            for kind, told in self._completeness.items()
        }

    def _forwarding(self) -> tuple[wire.ForwardingRule, ...] | None:
        """None: not told; one unreadable rule counts as that, or it would seem to have been taken away."""
        raw: list[JsonValue] = []
        try:
            for page in self._client.forwarding_rules():
                raw += page.items
        except (NotFound, PermissionMissing) as error:
            message = f"Forwarding rules could not be read: {error.message}"
            self._findings.note("responder", None, "forwarding_not_told", message)
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", None, error)
            return None
        return self._all_read(wire.ForwardingRule, raw, "responder", None, "forwarding-rules")

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_details(self, selection: Selection) -> Kept:
        """Only what is kept is read: members and routing per team, overrides per schedule. What they point to may
        bring more along, so until nothing new comes."""
        harvest = self._harvest
        while True:
            kept = close(harvest.nodes(), selection)
            teams = [id_ for kind, id_ in kept if kind == "user_group" and id_ in harvest.teams]
            schedules = [id_ for kind, id_ in kept if kind == "schedule" and id_ in harvest.schedules]
            unread = [id_ for id_ in teams if id_ not in harvest.members]
            for id_ in unread:
                harvest.members[id_] = self._members(harvest.teams[id_])
                harvest.routing[id_] = self._collection(
                    wire.RoutingRule, "user_group", id_, "routing-rules", self._client.routing_rules
                )
                self._progress("user_group", len(harvest.members), len(teams))
            unread_schedules = [id_ for id_ in schedules if id_ not in harvest.overrides]
            for id_ in unread_schedules:
                self._read_schedule(harvest.schedules[id_])
                self._progress("schedule", len(harvest.overrides), len(schedules))
            if not unread and not unread_schedules:
                return kept

    def _members(self, team: wire.Team) -> tuple[wire.Member, ...] | None:
        """None: not told. The list of teams has none, and a team without members may come without the key."""
        try:
            raw = self._client.team(team.id)
        except (NotFound, PermissionMissing) as error:
            if team.members is None:
                message = f"Its members could not be read: {error.message}"
                self._findings.note("user_group", team.id, "members_not_told", message, "members")
            return team.members
        except RECOVERABLE as error:
            self._findings.fail("user_group", team.id, error)
            return None
        single = self._findings.read(wire.Team, raw, "user_group", team.id, "")
        return None if single is None else single.members or ()

    def _read_schedule(self, listed: wire.Schedule) -> None:
        """A list shows no rotations when it was not asked to expand them, and when there are none: the schedule itself
        tells. One that cannot be seen by itself is left out."""
        if not listed.rotations:
            single = self._single(listed)
            if single is None:
                del self._harvest.schedules[listed.id]
                return
            self._harvest.schedules[listed.id] = single
        self._harvest.overrides[listed.id] = self._collection(
            wire.Override, "schedule", listed.id, "overrides", self._client.overrides
        )

    def _single(self, listed: wire.Schedule) -> wire.Schedule | None:
        try:
            raw = self._client.schedule(listed.id)
        except (NotFound, PermissionMissing) as error:
            if isinstance(error, NotFound) and listed.rotations is not None:
                message = f"The list shows no rotations of it, and it cannot be read by itself: {error.message}"
                self._findings.note("schedule", listed.id, "rotations_not_confirmed", message, "rotations")
                return listed
            message = f"It is listed, but cannot be seen or is gone, and was left out: {error.message}"
            self._findings.note("schedule", listed.id, "not_visible", message)
            self._completeness["schedule"] = Completeness(False, "Some of the schedules cannot be seen one by one.")
            return None
        except RECOVERABLE as error:
            self._findings.fail("schedule", listed.id, error)
            return None
        return self._findings.read(wire.Schedule, raw, "schedule", listed.id, "")

    def _collection(
        self, model: type[E], entity_type: EntityType, id_: str, key: str, ask: Callable[[str], JsonValue]
    ) -> tuple[E, ...] | None:
        """All of it or None = not told, with a note (404, 403: an optional read) or a failure that says why."""
        word = key.replace("-", " ")
        try:
            raw = ask(id_)
        except (NotFound, PermissionMissing) as error:
            message = f"Its {word} could not be read: {error.message}"
            self._findings.note(entity_type, id_, f"{key.replace('-', '_')}_not_told", message, key)
            return None
        except RECOVERABLE as error:
            self._findings.fail(entity_type, id_, error)
            return None
        if not isinstance(raw, list):
            self._findings.fail(entity_type, id_, invalid("invalid_value", key, f"Its {word} are no list."))
            return None
        return self._all_read(model, raw, entity_type, id_, key)

    def _all_read(
        self, model: type[E], raw: list[JsonValue], entity_type: EntityType, id_: str | None, key: str
    ) -> tuple[E, ...] | None:
        read = [self._findings.read(model, item, entity_type, id_, f"{key}[{i}]") for i, item in enumerate(raw)]
        complete = tuple(one for one in read if one is not None)
        return complete if len(complete) == len(read) else None

    def _name_missing(self, selection: Selection) -> None:
        known = {node.key for node in self._harvest.nodes()}
        for kind, id_ in sorted(() if selection.everything else selection.chosen - known):
            self._findings.note(kind, id_, "chosen_not_found", "It was chosen, but is not among what could be listed.")

    # --- people ---------------------------------------------------------------------------------------------------

    def _read_people(self, selection: Selection, referenced: list[str], account: wire.AccountInfo | None) -> list[str]:
        """Returns the ids to import."""
        people = self._people
        if not selection.everything:
            people.chosen(referenced, None if account is None else account.user_count)
        elif self._contact_details:
            people.contacts_of_all()
        if people.users.error is not None:
            self._findings.fail("responder", None, people.users.error)
        self._completeness["responder"] = people.users.completeness
        self._harvest.users, self._harvest.contacts = people.users.objects, people.contacts
        return list(dict.fromkeys((*people.users.objects, *referenced))) if selection.everything else referenced


def account_of(account: wire.AccountInfo | None, region: str) -> Account:
    """Opsgenie tells no id of an account, only its name."""
    if account is None:
        return Account(None, "Opsgenie (account not told)", region)
    return Account(account.name, account.name, region)
