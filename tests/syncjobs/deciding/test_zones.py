"""An answer about a time zone is used at once: the schedules with it are read again, in the chosen zone."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import TestCase

from connectors.closure import Selection
from connectors.records import Snapshot
from connectors.simulator.pagerduty import DEMO_KEY, Simulator
from connectors.simulator.pagerduty.wire import Wire
from connectors.zones.timezones import convert, keep_known
from oncall.models import Schedule
from syncjobs.conflicts.evidence import sides_of
from syncjobs.conflicts.words import sentence
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, RunState, SyncRun
from tests.syncjobs.conftest import Source, Sync, contents, edit, layer, schedule, world
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db


@pytest.fixture
def odd(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """An imported schedule whose source says CST: stored inactive, with a question."""
    head = Wire.schedule_head

    def with_odd_zone(wire: Wire, row: Any) -> Any:
        return head(wire, row) | ({"time_zone": "CST"} if row.name == NAME else {})

    monkeypatch.setattr(Wire, "schedule_head", with_odd_zone)
    monkeypatch.setenv("PD_KEY", DEMO_KEY)
    shell("connect_source", "acme", "--set", "subdomain=acme.pagerduty.com", "--secret", "api_key=PD_KEY")
    shell("sync_run", "acme")
    row = Schedule.objects.get(name=NAME)
    assert row.zone_state != Schedule.ZoneState.OK
    return row


NAME = "Data Platform"


def asked() -> Conflict:
    return Conflict.objects.get(kind="timezone_mismatch")


def test_the_shell_reads_the_schedule_again_in_the_chosen_zone(odd: Schedule, simulator: Simulator) -> None:
    before = len(simulator.requests)
    found = document("conflicts", "--resolve", str(asked().pk), "choose", "--set", "zone=Asia/Shanghai")
    assert (found["state"], found["applied"], found["effects"]) == ("decided", True, [])
    assert found["run"] is not None
    read = SyncRun.objects.get(pk=found["read"])
    assert (read.state, [kind for kind, _ in read.scope["only"]]) == (RunState.SUCCEEDED, ["schedule"])
    odd.refresh_from_db()
    assert (odd.time_zone, odd.zone_state) == ("Asia/Shanghai", Schedule.ZoneState.OK)
    asked_zones = [query["time_zone"] for _, _, query, _ in list(simulator.requests)[before:] if "time_zone" in query]
    assert asked_zones
    assert all(zone == ["Asia/Shanghai"] for zone in asked_zones)
    assert asked().state == ConflictState.CLOSED
    again = document("sync_run", "acme")
    assert (again["state"], again["items"]) == ("succeeded", [])


def test_all_schedules_with_the_text_are_read_again_together(sync: Sync) -> None:
    odd = [schedule(f"S{n}", f"Odd {n}", layer("U1"), zone="CST") for n in (2, 3)]
    sync.source.change(schedules=(*world().schedules, *odd))
    sync.run()
    first, second = Conflict.objects.filter(kind="timezone_mismatch").order_by("pk")
    sync.source.change(schedules=(*world().schedules, *(zoned(n) for n in (2, 3))))
    applied = decide(first, Decision("confirm", {}, None))
    assert applied.closes == (second.pk,)
    assert applied.read is not None
    assert applied.read.scope["only"] == [["schedule", "S2"], ["schedule", "S3"]]
    sync.drive(applied.read)
    assert set(Schedule.objects.values_list("active", flat=True)) == {True}
    assert not Conflict.objects.filter(kind="timezone_mismatch").exclude(state=ConflictState.CLOSED).exists()


def zoned(number: int) -> Any:
    """As a connector reads it after the answer."""
    return schedule(f"S{number}", f"Odd {number}", layer("U1"), zone="America/Chicago")


def test_on_the_site_a_worker_reads_it(sync: Sync, notified: list[int]) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    with TestCase.captureOnCommitCallbacks(execute=True):
        applied = decide(asked(), Decision("confirm", {}, None))
    assert applied.read is not None
    assert (applied.read.state, notified) == (RunState.QUEUED, [applied.read.pk])


def test_what_is_answered_while_a_run_is_active_is_read_when_it_ends(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    question = asked()
    sync.source.during = lambda: answers.append(decide(question, Decision("confirm", {}, None)))
    answers: list[Any] = []
    sync.run()
    (applied,) = answers
    assert (applied.applied, applied.read) == (True, None)
    sync.source.during = lambda: None
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="America/Chicago"),))
    (read,) = SyncRun.objects.filter(state=RunState.QUEUED)
    assert read.scope == {"only": [["schedule", "S1"]]}
    sync.drive(read)
    assert Schedule.objects.get().time_zone == "America/Chicago"
    assert asked().state == ConflictState.CLOSED
    assert not SyncRun.objects.filter(state=RunState.QUEUED).exists()


def test_one_read_serves_several_answers_of_one_connection(sync: Sync, notified: list[int]) -> None:
    odd = [schedule(f"S{n}", f"Odd {n}", layer("U1"), zone=zone) for n, zone in ((2, "CST"), (3, "EST"), (4, "IST"))]
    sync.source.change(schedules=(*world().schedules, *odd))
    sync.run()
    questions = list(Conflict.objects.filter(kind="timezone_mismatch").order_by("external_id"))
    with TestCase.captureOnCommitCallbacks(execute=True):
        reads = [decide(each, Decision("confirm", {}, None)).read for each in questions]
    assert len(set(reads)) == len(notified) == 1
    (read,) = SyncRun.objects.filter(state=RunState.QUEUED)
    assert read.scope == {"only": [["schedule", f"S{n}"] for n in (2, 3, 4)]}
    sync.drive(read)
    assert sync.source.selections[-1].chosen == {("schedule", f"S{n}") for n in (2, 3, 4)}


def test_an_answer_after_a_worker_has_begun_the_read_starts_a_second_read(sync: Sync) -> None:
    odd = [schedule(f"S{n}", f"Odd {n}", layer("U1"), zone=zone) for n, zone in ((2, "CST"), (3, "EST"))]
    sync.source.change(schedules=(*world().schedules, *odd))
    sync.run()
    first, second = Conflict.objects.filter(kind="timezone_mismatch").order_by("external_id")
    read = decide(first, Decision("confirm", {}, None)).read
    assert read is not None
    sync.source.during = lambda: answers.append(decide(second, Decision("confirm", {}, None)))
    answers: list[Any] = []
    sync.drive(read)
    sync.source.during = lambda: None
    (following,) = SyncRun.objects.filter(state=RunState.QUEUED)
    assert (answers[0].read, following.scope) == (None, {"only": [["schedule", "S3"]]})


class Zoned(Source):
    """A source with one schedule, whose time zone is read as connectors read it."""

    zone: str | None = "Europe/Paris"

    def fetch(self, selection: Selection, *, contact_details: bool, progress: Any) -> Snapshot:
        read = replace(schedule("S1", "Primary", layer("U1")), time_zone=keep_known(convert(self.zone), "S1"))
        self.change(schedules=(read,))
        return super().fetch(selection, contact_details=contact_details, progress=progress)


@pytest.fixture
def one(sync: Sync) -> Zoned:
    sync.source = source = Zoned()
    return source


@pytest.mark.parametrize("raw", ["UTC+5", "GMT-8:00", "(UTC-05:00)", "+00:00"])
def test_a_fixed_offset_is_inactive_until_it_is_confirmed(sync: Sync, one: Zoned, raw: str) -> None:
    one.zone = raw
    sync.run()
    row, zone = Schedule.objects.get(), convert(raw).zone
    assert (row.active, row.time_zone, row.zone_state) == (False, "", Schedule.ZoneState.AMBIGUOUS)
    assert asked().evidence == {"raw": raw, "rule": "fixed_offset", "candidates": [zone]}
    applied = decide(asked(), Decision("confirm", {}, None))
    assert applied.read is not None
    sync.drive(applied.read)
    row.refresh_from_db()
    assert (row.active, row.time_zone, row.zone_state) == (True, zone, Schedule.ZoneState.OK)
    assert asked().state == ConflictState.CLOSED
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


@pytest.mark.parametrize("raw", ["UTC+5", "CST", "Mars/Olympus", None])
def test_a_known_zone_whose_text_becomes_unsure_is_kept_and_the_question_says_so(
    sync: Sync, one: Zoned, raw: str | None
) -> None:
    sync.run()
    one.zone = raw
    assert sync.run().items.count() == 0
    row = Schedule.objects.get()
    assert (row.active, row.time_zone, row.zone_state) == (True, "Europe/Paris", Schedule.ZoneState.OK)
    question = asked()
    assert question.evidence["kept"] == "Europe/Paris"
    assert "keeps Europe/Paris" in sentence(question, ["acme"])
    assert "Europe/Paris: the last known one is kept" in str(sides_of(question, with_addresses=True))
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    if raw is None:
        return
    applied = decide(question, Decision("choose", {"zone": "Asia/Tokyo"}, None))
    assert applied.read is not None
    sync.drive(applied.read)
    row.refresh_from_db()
    assert (row.active, row.time_zone, asked().state) == (True, "Asia/Tokyo", ConflictState.CLOSED)


def test_a_zone_that_comes_back_closes_the_question(sync: Sync, one: Zoned) -> None:
    sync.run()
    for zone, state in (("CST", ConflictState.OPEN), ("Europe/Paris", ConflictState.CLOSED)):
        one.zone = zone
        sync.run()
        assert asked().state == state
    assert Schedule.objects.get().time_zone == "Europe/Paris"


def test_a_zone_that_was_set_here_for_an_unsure_text_is_no_question(sync: Sync, one: Zoned) -> None:
    one.zone = "CST"
    sync.run()
    edit("schedule", Schedule.objects.get(), time_zone="Asia/Shanghai", zone_state="ok", active=True)
    sync.run()
    assert asked().state == ConflictState.CLOSED
    assert Schedule.objects.get().time_zone == "Asia/Shanghai"


def test_an_imported_schedule_is_rendered_as_before_while_its_text_is_unsure(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PD_KEY", DEMO_KEY)
    shell("connect_source", "acme", "--set", "subdomain=acme.pagerduty.com", "--secret", "api_key=PD_KEY")
    shell("sync_run", "acme")
    row = Schedule.objects.get(name=NAME)
    before = (row.time_zone, row.layers, row.active)
    head = Wire.schedule_head
    monkeypatch.setattr(
        Wire, "schedule_head", lambda w, each: head(w, each) | ({"time_zone": "CST"} if each.name == NAME else {})
    )
    found = document("sync_run", "acme")
    row.refresh_from_db()
    assert (row.time_zone, row.layers, row.active) == before
    assert (found["state"], found["items"]) == ("succeeded", [])
    assert asked().evidence["kept"] == row.time_zone


def test_the_most_likely_zone_is_suggested(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    (found,) = document("conflicts", "--kind", "timezone_mismatch")
    assert found["suggestion"]["choice"] == "confirm"
    assert found["suggestion"]["arguments"] == {"zone": found["evidence"]["candidates"][0]}


@pytest.mark.parametrize("zone", ["Mars/Olympus", "CST", "europe/berlin", "Europe/Berlin\n", ""])
def test_what_is_no_zone_is_refused(sync: Sync, zone: str) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    before = contents()
    code, out = shell("conflicts", "--resolve", str(asked().pk), "choose", "--set", f"zone={zone}")
    if zone.strip() == "Europe/Berlin":
        assert code == 0
        return
    assert code == (1 if zone else 64)
    assert "zone" in out
    assert contents() == before


def test_many_answers_at_once_exit_0_though_a_rule_answers_several(sync: Sync) -> None:
    odd = [schedule(f"S{n}", f"Odd {n}", layer("U1"), zone="CST") for n in (2, 3)]
    sync.source.change(schedules=(*world().schedules, *odd))
    sync.run()
    first, second = Conflict.objects.filter(kind="timezone_mismatch").order_by("pk")
    found = document("conflicts", "--resolve-all", "confirm", "--kind", "timezone_mismatch", "--preview")
    assert [each["conflict"] for each in found] == [first.pk]
    assert found[0]["closes"] == [second.pk]
    assert shell("conflicts", "--resolve-all", "confirm", "--kind", "timezone_mismatch", "--set", "x=1")[0] == 64
