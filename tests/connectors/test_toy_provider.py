"""A provider is a folder, a line in the registry, a simulator and a page: this one is made up, whole, in this file.

Nothing of the product knows it, and it goes the whole way: form, test, choosing, plan, apply, pages, parity, recording.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from connectors import registry
from connectors.admin.connections import ConnectionAdmin
from connectors.base import Connector, Probe, Progress, Right, Rim, SettingField, Sought
from connectors.closure import Node, Selection, close
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Entry, Ledger
from connectors.models import Connection
from connectors.network.client import JsonValue, segment
from connectors.reading.findings import Findings, Vendor
from connectors.reading.listing import Listing
from connectors.reading.pages import Page
from connectors.reading.wire import Identified, Instant, Text, Whole
from connectors.records import ENTITY_TYPES, Account, Completeness, EntityType, Snapshot, SourceSchedule, SourceUser
from connectors.redaction import Secret
from connectors.simulator.exchange import Answer, Quota, Request
from connectors.simulator.faults import RateLimit
from connectors.simulator.server import Server
from connectors.zones.timezones import convert
from oncall.models import Responder, Schedule
from oncall.rendering.final import Span
from oncall.rendering.spec import Always, ByTime, Layer, person
from syncjobs.management.commands import connect_source
from syncjobs.models import RunState, SyncProfile, SyncRun
from syncjobs.runs import notify
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve

DAY = 86_400
KEY = "toy-key-not-a-secret"
pytestmark = pytest.mark.django_db


# --- what the vendor sends ------------------------------------------------------------------------------------------


class WirePerson(Identified):
    name: Text
    mail: Text
    zone: Text | None = None


class WireRota(Identified):
    title: Text
    zone: Text
    start: Instant
    days: Whole
    people: tuple[Text, ...]


class WireShift(Identified):
    begin: Instant
    end: Instant
    who: Text


# --- what becomes of it ---------------------------------------------------------------------------------------------


def to_user(wire: WirePerson, because: tuple[str, ...]) -> SourceUser:
    return SourceUser(
        wire.id,
        wire.name,
        wire.mail,
        "active",
        convert(wire.zone),
        contact_methods=(),
        notification_rules=(),
        because=because,
    )


def to_schedule(wire: WireRota, at: int, because: tuple[str, ...]) -> SourceSchedule:
    turns = ByTime(wire.start.reading, wire.days * DAY)
    layer = Layer("rota", wire.title, (Always(),), turns, tuple(person(one) for one in wire.people))
    return SourceSchedule(
        wire.id,
        wire.title,
        convert(wire.zone),
        "stacked",
        (layer,),
        overrides=(),
        extra_shifts=(),
        fetched_range=(at, at + 90 * DAY),
        because=because,
    )


# --- the connector --------------------------------------------------------------------------------------------------

VENDOR = Vendor("toy", "Rota Toy")


class Toy(Connector):
    provider: ClassVar[str] = VENDOR.provider
    label: ClassVar[str] = VENDOR.label
    ledger: ClassVar[Ledger] = Ledger({"person": (Entry("**", "exact"),), "rota": (Entry("**", "exact"),)})

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        super().__init__(settings, credentials, rim)
        self._http = self.open_client(
            lambda: {"Authorization": f"Toy {credentials['key'].reveal()}"}, headers={"Accept": "application/json"}
        )

    @classmethod
    def fields(cls) -> tuple[SettingField, ...]:
        return (
            SettingField("box", "Toy box", "The name on the lid."),
            SettingField("key", "Winding key", "It hangs on the wall.", kind="secret"),
        )

    @classmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        box = settings.get("box", "").strip().lower()
        if not box.isalpha():
            raise ConnectionConfigError(f"{box!r} is no box.", hint="Look at the lid.", provider="toy", field="box")
        return {"box": box}

    @classmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        return f"https://{settings['box']}.toy.example"

    @classmethod
    def scrub(cls, path: str, body: object) -> object:
        return body

    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        if isinstance(error, RequestRejected):
            return None
        return AuthenticationFailed(error.message, hint="Try another key.", provider="toy", field="key")

    def _probe(self) -> Probe:
        self._http.get("/people", envelope="people")
        rights = (Right("responder", True), Right("schedule", True))
        return Probe(Account(self.settings["box"], f"box {self.settings['box']}"), rights)

    def _inventory(self, progress: Progress) -> Sequence[Node]:
        return _nodes(self._list("schedule", "rotas", WireRota, Findings(VENDOR), progress).objects)

    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        findings, at = Findings(VENDOR), int(self.rim.now())
        people = self._list("responder", "people", WirePerson, findings, progress)
        rotas = self._list("schedule", "rotas", WireRota, findings, progress)
        kept = close(_nodes(rotas.objects), selection)
        if selection.everything:
            kept |= {("responder", id_): () for id_ in people.objects}
        complete = dict.fromkeys(ENTITY_TYPES, Completeness(True))
        return Snapshot(
            "toy",
            Account(self.settings["box"], f"box {self.settings['box']}"),
            at,
            users=tuple(
                to_user(one, kept["responder", id_])
                for id_, one in people.objects.items()
                if ("responder", id_) in kept
            ),
            schedules=tuple(
                to_schedule(one, at, kept["schedule", id_])
                for id_, one in rotas.objects.items()
                if ("schedule", id_) in kept
            ),
            notes=tuple(findings.notes),
            failed=tuple(findings.failed),
            completeness=complete | {"responder": people.completeness, "schedule": rotas.completeness},
            mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
        )

    def _ask(self, sought: Sought) -> object:
        return self._http.get(f"/{'people' if sought.kind == 'responder' else 'rotas'}/{segment(sought.external_id)}")

    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return {id_: tuple(self._shifts(id_, since, until)) for id_ in schedules}

    def _shifts(self, id_: str, since: int, until: int) -> Iterator[Span]:
        reported = self._http.get(f"/rotas/{segment(id_)}/shifts", [("since", str(since)), ("until", str(until))])[
            "shifts"
        ]
        for shift in map(WireShift.model_validate, reported if isinstance(reported, list) else ()):
            begin, end = max(since, shift.begin.instant), min(until, shift.end.instant)
            yield Span(begin, end, (person(shift.who),))

    def _list(self, kind: EntityType, key: str, model: Any, findings: Findings, progress: Progress) -> Listing[Any]:
        listing = Listing(self._pages(key), model, kind, key, findings, progress)
        listing.read()
        if listing.error is not None:
            findings.fail(kind, None, listing.error)
        return listing

    def _pages(self, key: str) -> Iterator[Page]:
        items: JsonValue = self._http.get(f"/{key}", envelope=key)[key]
        yield Page(tuple(items) if isinstance(items, list) else ())


def _nodes(rotas: Mapping[str, WireRota]) -> list[Node]:
    return [Node("schedule", r.id, r.title, tuple(("responder", one) for one in r.people)) for r in rotas.values()]


# --- its simulator --------------------------------------------------------------------------------------------------

START = 1_767_571_200  # 2026-01-05T00:00:00Z, a Monday
PEOPLE = {"ana": "Ana Lima", "bo": "Bo Berg", "cy": "Cy Young"}
ROTAS = {"R1": ("Bears", 7, ("ana", "bo")), "R2": ("Trains", 1, ("bo", "cy", "bo"))}


def stamp(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()


class ToyVendor:
    state: Any = None

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Toy {KEY}":
            return self.refusal(401)
        shifts = re.fullmatch(r"/rotas/(\w+)/shifts", request.path)
        if shifts:
            return Answer(200, {"shifts": self._shifts(shifts[1], request)})
        listings: dict[str, Callable[[], Any]] = {"/people": self._people, "/rotas": self._rotas}
        return Answer(200, listings[request.path]()) if request.path in listings else self.refusal(404)

    def _people(self) -> Any:
        people = [{"id": k, "name": n, "mail": f"{k}@example.com", "zone": "Etc/UTC"} for k, n in PEOPLE.items()]
        return {"people": people}

    def _rotas(self) -> Any:
        rotas = [
            {"id": id_, "title": title, "zone": "Etc/UTC", "start": stamp(START), "days": days, "people": people}
            for id_, (title, days, people) in ROTAS.items()
        ]
        return {"rotas": rotas}

    def _shifts(self, id_: str, request: Request) -> Any:
        """Day by day: another way than turns by arithmetic."""
        _, days, people = ROTAS[id_]
        since, until = int(request.one("since") or 0), int(request.one("until") or 0)
        first = (since - START) // DAY
        return [
            {
                "id": f"{id_}-{day}",
                "begin": stamp(START + day * DAY),
                "end": stamp(START + (day + 1) * DAY),
                "who": people[day // days % len(people)],
            }
            for day in range(first, (until - START) // DAY + 1)
            if START + day * DAY < until
        ]

    def domain(self, request: Request) -> str:
        return ""

    def refusal(self, status: int) -> Answer:
        return Answer(status, {"message": "The toy does not move."})

    def quota_headers(self, quota: Quota) -> dict[str, str]:
        return {}

    def edit(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        raise LookupError(verb)

    def summary(self) -> dict[str, Any]:
        return {"provider": "toy"}


# --- the whole way --------------------------------------------------------------------------------------------------


@pytest.fixture
def toy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One more line in the registry, and its simulator."""
    installed = (*registry.CONNECTORS, Toy)
    monkeypatch.setattr(registry, "CONNECTORS", installed)
    monkeypatch.setitem(registry._BY_PROVIDER, "toy", Toy)
    monkeypatch.setattr(connect_source, "CONNECTORS", installed)
    monkeypatch.setattr(ConnectionAdmin, "providers", installed)
    monkeypatch.setattr(notify.current_app, "send_task", lambda name, args, **options: None)
    cache.clear()
    with Server(ToyVendor(), RateLimit(1000, 60, enforced=False)) as server:
        settings.CONNECTOR_ORIGINS = {"toy": server.origin}
        settings.EGRESS_ALLOW = [server.origin.removeprefix("http://")]
        yield server


ADD = "/admin/connectors/connection/add/"


def url(connection: Connection, page: str) -> str:
    return reverse(f"admin:connectors_connection_{page}", args=[connection.pk])


def begun(client: Client) -> str:
    """Chooses the provider. Returns the address of the draft."""
    return str(client.post(ADD, {"provider": "toy"}).headers["Location"])


def connected(client: Client) -> Connection:
    """Through the first step of the setup, whose other steps are left out."""
    answer = client.post(begun(client), {"name": "Nursery", "box": " Bears ", "key": KEY, "do": "test"})
    assert answer.status_code == 302, answer.context["form"].errors
    SyncProfile.objects.update(setup_step="", paused_at=None)
    return Connection.objects.get()


def shell(*args: str) -> Any:
    out = io.StringIO()
    try:
        call_command(*args, stdout=out, json=True)
    except SystemExit as end:
        assert end.code in (2, 3), out.getvalue()
    return json.loads(out.getvalue())


def run_now(client: Client, connection: Connection) -> SyncRun:
    """Plan, look, apply, as somebody does with the buttons; this process is the worker."""
    client.post(url(connection, "plan"))
    plan = drive(SyncRun.objects.latest("pk").pk)
    assert plan is not None
    if plan.state != RunState.AWAITING_REVIEW:
        return plan
    page = client.get(reverse("admin:syncjobs_syncrun_change", args=[plan.pk])).content.decode()
    assert "Bears" in page
    approve(plan, by=None, notify=False)
    applied = drive(plan.pk)
    assert applied is not None
    return applied


def test_it_is_offered_and_its_form_is_its_own(toy: Server, admin_client: Client) -> None:
    assert "Rota Toy" in admin_client.get(ADD).content.decode()
    draft = begun(admin_client)
    form = admin_client.get(draft).content.decode()
    assert "The name on the lid." in form
    assert "Winding key" in form
    page = admin_client.post(draft, {"name": "Nursery", "box": "b3ars", "key": KEY, "do": "test"})
    assert page.context["form"].errors.keys() == {"box"}
    assert not Connection.objects.exists()


def test_a_wrong_key_is_shown_on_its_field_and_a_good_one_tells_the_account(toy: Server, admin_client: Client) -> None:
    wrong = {"name": "Nursery", "box": "bears", "key": "wrong", "do": "test"}
    refused = admin_client.post(begun(admin_client), wrong)
    assert "Try another key." in str(refused.context["form"].errors["key"])
    connection = connected(admin_client)
    assert "box bears" in admin_client.post(url(connection, "test")).content.decode()


def test_it_is_chosen_planned_applied_shown_and_compared(toy: Server, admin_client: Client) -> None:
    connection = connected(admin_client)
    admin_client.post(url(connection, "test"))
    chooser = admin_client.post(url(connection, "inventory"), {"part": "chooser"}).content.decode()
    assert "Bears" in chooser
    assert "Trains" in chooser
    selection = {"scope": "chosen", "chosen": ["schedule:R1"]}
    assert admin_client.post(url(connection, "import"), selection).status_code == 302

    assert run_now(admin_client, connection).state == RunState.SUCCEEDED
    assert list(Schedule.objects.values_list("name", flat=True)) == ["Bears"]
    assert set(Responder.objects.values_list("name", flat=True)) == {"Ana Lima", "Bo Berg"}
    again = run_now(admin_client, connection)
    assert (again.state, again.items.count()) == (RunState.SUCCEEDED, 0)

    assert "Rota Toy" in admin_client.get("/admin/connectors/connection/").content.decode()
    assert "Nursery" in admin_client.get("/admin/").content.decode()
    assert "Bears" in admin_client.get("/admin/oncall/schedule/").content.decode()
    assert "Ana Lima" in admin_client.get("/admin/oncall/responder/").content.decode()
    schedule = Schedule.objects.get()
    page = admin_client.get(reverse("admin:oncall_schedule_change", args=[schedule.pk])).content.decode()
    assert "Rota Toy (Nursery)" in page

    (line,) = shell("parity", "Nursery")["schedules"]
    assert line["name"] == "Bears"
    assert 14 * DAY - 60 < line["equal"] == line["total"] <= 14 * DAY  # from the answer on


def test_it_is_recorded_and_replayed_from_the_shell(
    toy: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY_KEY", KEY)
    shell("connect_source", "Nursery", "--provider", "toy", "--set", "box=bears", "--secret", "key=TOY_KEY")
    file = tmp_path / "toy.json"
    assert shell("record", "Nursery", str(file))["failed"] == 0
    assert KEY not in file.read_text()
    toy.stop()
    replayed = shell("replay", str(file))
    assert [one["name"] for one in replayed["schedules"]] == ["Bears", "Trains"]
    assert {one["external_id"] for one in replayed["people"]} == set(PEOPLE)
    assert all(one["shifts"] for one in replayed["schedules"])


def test_nothing_of_the_tables_had_to_change(toy: Server) -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=io.StringIO())
