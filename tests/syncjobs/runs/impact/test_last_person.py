"""The guard's rule about the last person of the next 7 days in a schedule or in a level of a policy."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from connectors.records import SourceMember, SourceTeam
from oncall.escalation.policy import Level, Target
from oncall.models import Responder, Schedule
from oncall.rendering.spec import VACANT, Override, Substitution, person
from syncjobs.management.commands import apply
from syncjobs.management.shell import run_document
from syncjobs.models import Outcome, RunState, SyncRun
from syncjobs.runs.runner import drive
from tests.syncjobs.conftest import NOW, Sync, contents, edit, layer, policy, schedule, user, without_questions
from tests.syncjobs.management.test_shell import shell

pytestmark = pytest.mark.django_db
HOUR, DAY = 3_600, 86_400
WEEK = 7 * 24  # hours


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def people(**states: str) -> dict[str, Any]:
    """Return six people. Flo is inactive from the beginning."""
    states.setdefault("U6", "inactive")
    names = {"U1": "Ana", "U2": "Bo", "U3": "Cy", "U4": "Di", "U5": "Ed", "U6": "Flo"}
    return {"users": tuple(user(id_, name, state=states.get(id_, "active")) for id_, name in names.items())}


def team(*ids: str) -> dict[str, Any]:
    return {"teams": (SourceTeam("T1", "Platform", members=tuple(SourceMember(id_, "responder") for id_ in ids)),)}


def schedules(primary: Any = None, night: Any = None) -> dict[str, Any]:
    """Return two schedules: *Primary* has Ana and Bo, *Night* only Di."""
    return {
        "schedules": (
            primary or schedule("S1", "Primary", layer("U1", "U2", "U1")),
            night or schedule("S2", "Night", layer("U4")),
        )
    }


def policies(*levels: Level) -> dict[str, Any]:
    """Return a policy with the levels Primary, Cy and the group with Bo and Ed."""
    default = (
        Level(30, "everyone", (Target("schedule", "S1"),)),
        Level(30, "everyone", (Target("responder", "U3"),)),
        Level(30, "everyone", (Target("user_group", "T1"),)),
    )
    known = policy("P1", "Default", group_id="T1")
    return {"policies": (replace(known, policy=replace(known.policy, levels=levels or default)),)}


def without_levels() -> dict[str, Any]:
    (known,) = policies()["policies"]
    return {"policies": (replace(known, policy=replace(known.policy, levels=())),)}


def before() -> dict[str, Any]:
    return {**people(), **team("U2", "U5"), **schedules(), **policies()}


@pytest.fixture
def grown(sync: Sync) -> Sync:
    sync.source.change(**before())
    sync.run()
    return sync


@dataclass(frozen=True)
class Case:
    """What the source changes. held: the objects whose items wait. places: in the reasons. hours: lost."""

    change: dict[str, Any]
    held: frozenset[str] = frozenset()
    places: tuple[str, ...] = ()
    hours: float = 0.0


_CY = Level(30, "everyone", (Target("responder", "U3"),))

LAST: dict[str, Case] = {
    "the only person of a schedule is inactive at the source": Case(
        people(U4="inactive"), frozenset({"U4"}), ("the schedule Night",), WEEK
    ),
    "the only person of a schedule is deleted at the source": Case(
        people(U4="deleted"), frozenset({"U4"}), ("the schedule Night",), WEEK
    ),
    "all people of a schedule are inactive at the source": Case(
        people(U1="inactive", U2="inactive"),
        frozenset({"U1", "U2"}),
        ("the schedule Primary", "level 1 of the policy Default"),
        WEEK,
    ),
    "a schedule has no layers any more": Case(
        schedules(night=schedule("S2", "Night")), frozenset({"S2"}), ("the schedule Night",), WEEK
    ),
    "the layer of a schedule has ended": Case(
        schedules(night=schedule("S2", "Night", layer("U4", ends_at=NOW - DAY))),
        frozenset({"S2"}),
        ("the schedule Night",),
        WEEK,
    ),
    "the person of a schedule is replaced by one who is inactive": Case(
        {**people(), **schedules(night=schedule("S2", "Night", layer("U6")))},
        frozenset({"S2"}),
        ("the schedule Night",),
        WEEK,
    ),
    "an override without anybody covers the week": Case(
        schedules(
            night=schedule(
                "S2", "Night", layer("U4"), overrides=(Override("O1", NOW - DAY, NOW + 8 * DAY, VACANT),)
            )
        ),
        frozenset({"S2"}),
        ("the schedule Night",),
        WEEK,
    ),
    "an absence without replacement covers the week": Case(
        {
            "users": tuple(
                replace(each, substitutions=(Substitution("A1", person("U4"), VACANT, NOW, NOW + 8 * DAY),))
                if each.external_id == "U4"
                else each
                for each in people()["users"]
            )
        },
        frozenset({"U4"}),
        ("the schedule Night",),
        WEEK,
    ),
    "the only person of a level is inactive at the source": Case(
        people(U3="inactive"), frozenset({"U3"}), ("level 2 of the policy Default",), WEEK
    ),
    "a level pages a person who is inactive instead": Case(
        {
            **people(U5="inactive"),
            **policies(_CY, Level(30, "everyone", (Target("responder", "U5"),)), _CY),
        },
        frozenset({"U5", "P1"}),
        ("level 2 of the policy Default",),
        WEEK,
    ),
    "a policy has no levels any more": Case(
        without_levels(),
        frozenset({"P1"}),
        ("levels of the policy Default",),
        3 * WEEK,
    ),
    "one member leaves a group, and the other is inactive": Case(
        {**people(U5="inactive"), **team("U5")},
        frozenset({"U5", "T1"}),
        ("level 3 of the policy Default",),
        WEEK,
    ),
}  # fmt: skip

NOT_LAST: dict[str, dict[str, Any]] = {
    "somebody else of the schedule stays": people(U1="inactive"),
    "somebody else takes over in the same plan": {
        **people(U4="inactive"),
        **schedules(night=schedule("S2", "Night", layer("U3"))),
    },
    "a gap of some days": schedules(
        night=schedule("S2", "Night", layer("U4", ends_at=NOW + DAY)),
    ),
    "a schedule ends after 7 days": schedules(night=schedule("S2", "Night", layer("U4", ends_at=NOW + 8 * DAY))),
    "a level less": policies(_CY),
    "a level without anybody more": policies(*policies()["policies"][0].policy.levels, Level(5, "everyone", ())),
    "a member less": team("U2"),
    "a rename": schedules(night=schedule("S2", "Nights", layer("U4"))),
    "a person of no schedule is inactive": {**people(U5="inactive")},
}


@pytest.fixture(params=list(LAST))
def case(request: pytest.FixtureRequest) -> Case:
    return LAST[request.param]


def held_items(run: SyncRun) -> set[str]:
    return set(run.items.filter(held=True).values_list("external_id", flat=True))


def test_what_takes_the_last_person_away_waits(grown: Sync, case: Case) -> None:
    now = without_questions()
    grown.source.change(**case.change)
    run = grown.run()
    assert held_items(run) == case.held
    assert (run.state, set(run.items.values_list("outcome", flat=True))) == (RunState.PARTIAL, {Outcome.DEFERRED})
    places = [
        reason.removeprefix("Nobody would be left in ").partition(" (")[0]
        for reason in run.guard["reasons"]
        if reason.startswith("Nobody")
    ]
    assert (tuple(places), run.guard["hours"]) == (case.places, case.hours)
    for item in run.items.all():
        assert "it waits for approval, because nobody would be left in " in item.reason
    assert [row for row in without_questions() if row["model"].startswith("oncall.")] == [
        row for row in now if row["model"].startswith("oncall.")
    ]


def test_it_stays_held_with_its_comment_and_is_counted_once_until_it_is_approved(grown: Sync, case: Case) -> None:
    grown.source.change(**case.change)
    first = grown.run()
    first.items.update(comment="Waits for HR.")
    for _ in range(2):
        run = grown.run()
        assert held_items(run) == case.held
        assert set(run.items.filter(held=True).values_list("comment", flat=True)) == {"Waits for HR."}
        assert sum(counts.get("held", 0) for counts in run.counts.values()) == len(case.held)
        assert (run.guard["reasons"], run.guard["hours"]) == (first.guard["reasons"], case.hours)
    plan = grown.plan()
    assert plan.impact is not None
    plan.items.filter(held=True).update(held_ticked=True)
    done = grown.apply(plan)
    assert (done.state, held_items(done)) == (RunState.SUCCEEDED, case.held)
    assert not done.items.exclude(outcome=Outcome.APPLIED).exists()
    now = contents()
    again = grown.run()
    assert (again.state, again.guard, again.items.count(), contents()) == (RunState.SUCCEEDED, {}, 0, now)


@pytest.mark.parametrize("name", NOT_LAST)
def test_what_leaves_somebody_is_applied(grown: Sync, name: str) -> None:
    grown.source.change(**NOT_LAST[name])
    run = grown.run()
    assert (run.state, run.guard, held_items(run)) == (RunState.SUCCEEDED, {}, set())


def test_the_rest_is_applied(grown: Sync) -> None:
    grown.source.change(
        users=(*people(U4="inactive")["users"], user("U7", "Gus")),
        schedules=schedules(primary=schedule("S1", "First", layer("U1", "U2", "U1")))["schedules"],
    )
    run = grown.run()
    assert (run.state, held_items(run)) == (RunState.PARTIAL, {"U4"})
    assert Responder.objects.filter(name="Gus").exists()
    assert Schedule.objects.filter(name="First").exists()
    assert Responder.objects.get(name="Di").state == "active"


def _gone(sync: Sync, *keys: tuple[Any, str]) -> None:
    sync.source.answers |= dict.fromkeys(keys, "not_found")
    sync.run()
    sync.source.change(fetched_at=sync.source.snapshot.fetched_at + 2 * HOUR)


def test_a_person_who_is_gone_and_still_has_a_schedule_alone_waits(grown: Sync) -> None:
    known = people()["users"]
    grown.source.change(users=tuple(each for each in known if each.external_id != "U4"))
    _gone(grown, ("responder", "U4"))
    run = grown.run()
    assert [(item.action, item.external_id, item.held) for item in run.items.all()] == [("deactivate", "U4", True)]
    assert (Responder.objects.get(name="Di").active, run.guard["hours"]) == (True, WEEK)


def test_a_schedule_that_is_gone_is_no_last_person_but_the_level_that_pages_it_loses_them(grown: Sync) -> None:
    (primary, night) = schedules()["schedules"]
    grown.source.change(schedules=(primary,))
    _gone(grown, ("schedule", "S2"))
    run = grown.run()
    assert (run.state, Schedule.objects.get(name="Night").active) == (RunState.SUCCEEDED, False)
    grown.source.change(schedules=(night,))
    _gone(grown, ("schedule", "S1"))
    run = grown.run()
    assert [(item.external_id, item.held) for item in run.items.filter(action="deactivate")] == [("S1", True)]
    assert "Nobody would be left in level 1 of the policy Default (168 h of the next 7 days)." in run.guard["reasons"]
    assert Schedule.objects.get(name="Primary").active


def test_one_of_two_who_leave_together_can_be_approved(grown: Sync) -> None:
    grown.source.change(**people(U1="inactive", U2="inactive"))
    plan = grown.plan()
    plan.items.filter(external_id="U1").update(held_ticked=True)
    grown.apply(plan)
    states = dict(Responder.objects.values_list("name", "state"))
    assert (states["Ana"], states["Bo"]) == ("inactive", "active")
    assert held_items(grown.run()) == {"U2"}


def test_the_shell_approves_it(grown: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    grown.source.change(**people(U4="inactive"))
    plan = grown.plan()
    document = run_document(plan)
    assert document["guard"]["reasons"] == ["Nobody would be left in the schedule Night (168 h of the next 7 days)."]
    assert (document["guard"]["held"], document["guard"]["hours"]) == (1, WEEK)
    monkeypatch.setattr(apply, "drive", lambda run_id: drive(run_id, opener=grown.source.open))
    code, _ = shell("apply", str(plan.pk), "--approve", "responder:U4")
    assert (code, Responder.objects.get(name="Di").state) == (3, "inactive")  # asked: inactive, but on call


def test_the_admin_approves_it(grown: Sync, admin_client: Client) -> None:
    grown.source.change(**people(U4="inactive"))
    plan = grown.plan()
    page = admin_client.get(reverse("admin:syncjobs_syncrun_change", args=[plan.pk])).content.decode()
    assert "Nobody would be left in the schedule Night (168 h of the next 7 days)." in page
    (item,) = plan.items.all()
    form = {"item": [item.pk], "tick": [item.pk], "approve": [item.pk]}
    admin_client.post(reverse("admin:syncjobs_syncrun_ticks", args=[plan.pk]), form)
    admin_client.post(reverse("admin:syncjobs_syncrun_apply", args=[plan.pk]))
    grown.drive(plan)
    assert Responder.objects.get(name="Di").state == "inactive"


def test_an_overtaken_removal_that_is_planned_again_is_held_too(grown: Sync) -> None:
    """Another import takes Bo away while this run applies that Ana leaves."""
    grown.source.change(users=tuple(replace(each, title="Lead") for each in people(U1="inactive")["users"]))
    plan = grown.plan()
    assert held_items(plan) == set()
    edit("responder", Responder.objects.get(name="Bo"), active=False)
    link = Responder.objects.get(name="Ana").links.get()
    type(link).objects.filter(pk=link.pk).update(version=link.version + 1)  # as a decision does it
    done = grown.apply(plan)
    assert Responder.objects.get(name="Ana").state == "active"
    assert "Nobody would be left in the schedule Primary" in str(done.guard)


@pytest.mark.parametrize("name", ["a rename", "a person more"])
def test_without_a_removal_nothing_is_foreseen(grown: Sync, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    foreseen: list[Any] = []
    monkeypatch.setattr("syncjobs.runs.impact.guarded.foresee", lambda *given, **options: foreseen.append(given))
    change = {"users": (*people()["users"], user("U7", "Gus"))} if name == "a person more" else NOT_LAST[name]
    grown.source.change(**change)
    assert (grown.run().state, foreseen) == (RunState.SUCCEEDED, [])
