"""A person is one person where people are shown, counted, replaced or compared, whatever keys name the person."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import time_machine
from django.db.models import F, Value
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.admin.policy.list import page_url as policy_url
from oncall.admin.schedule.list import page_url
from oncall.admin.schedule.preview import Edit
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.models import ContactMethod, EscalationPolicy, Reference, Responder, Schedule, User
from oncall.operations import Actor, fill_references, link_account, merge, write
from oncall.rendering.codec import instant_from_text
from oncall.rendering.coverage import fairness, loads
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import Participant, person
from oncall.rendering.zones import HOUR
from oncall.selectors.participants import one_key, participant_names
from oncall.selectors.policies import walkable
from oncall.selectors.schedules import specs
from oncall.selectors.shifts import shifts_of
from syncjobs.conflicts.next_shifts import NextShifts
from syncjobs.models import ExternalLink, LinkState, ParityBasis
from syncjobs.pages.after_import.checklist import silent_policies
from syncjobs.parity.checks import load_imported
from syncjobs.runs.impact.measuring import Measurement
from syncjobs.runs.impact.touched import Touched
from tests.oncall.conftest import REACHABLE, weekly_layers
from tests.paths import REPOSITORY
from tests.syncjobs.conftest import Sync
from tests.syncjobs.management.test_shell import document

pytestmark = pytest.mark.django_db
BY: Final = Actor(None, "test")
NOW: Final = "2026-03-03T12:00:00Z"
AT: Final = instant_from_text(NOW)
OTHERS: Final = {"starts_at": "2026-03-03T14:00:00Z", "ends_at": "2026-03-03T15:00:00Z"}


def row(kind: Kind, resolve: Any = None, elements: Any = None, **fields: Any) -> int:
    changes = {name: ElementChanges(put=put) for name, put in (elements or {}).items()}
    return write(kind, [Draft(fields, changes)], by=BY, resolve=resolve or {})[0].id


@dataclass(frozen=True)
class World:
    """Ana is on call in three layers, under two imported keys, a key of forms, and that of a former row.

    Ben and Cleo are others. The policy and its group name Ana by several keys, too.
    """

    ana: int
    ben: int
    cleo: int
    schedule: int
    policy: int
    client: Client
    sync: Sync

    @property
    def keys(self) -> dict[tuple[Kind, str], int]:
        return {("responder", f"{self.sync.connection.pk}:PANA"): self.ana, ("responder", "904:ANA"): self.ana}

    def on_call(self, instant: int) -> tuple[Participant, ...]:
        spans = render_final(*specs([self.schedule])[self.schedule], instant, instant + 1)
        return spans[0].participants if spans else ()


@pytest.fixture
def world(sync: Sync, admin_client: Client, admin_user: User) -> Iterator[World]:
    with time_machine.travel(NOW, tick=False):
        ana, former, ben, cleo = (row("responder", elements=REACHABLE, name=n) for n in ("Ana", "Ana", "Ben", "Cleo"))
        merge("responder", former, ana, BY)
        imported = f"{sync.connection.pk}:PANA"
        keys: dict[tuple[Kind, str], int] = {("responder", imported): ana, ("responder", "904:ANA"): ana}
        layers = [
            *weekly_layers(f"person:{imported}", "person:904:ANA")["layers"],
            *weekly_layers(f"person:local:{former}", key="L2")["layers"],
            *weekly_layers(f"person:local:{ana}", key="L3")["layers"],
        ]
        stored = {"format": 1, "layers": layers}
        schedule = row(
            "schedule", keys, name="Mixed", time_zone="Europe/Berlin", composition="concurrent", layers=stored
        )
        members = {
            f"{n}:M": {"person_key": key, "role": ""} for n, key in ((sync.connection.pk, imported), (904, "904:ANA"))
        }
        group = row("user_group", keys, {"members": members}, name="Team")
        people = [{"kind": "responder", "key": key} for key in (imported, "904:ANA", f"local:{ana}")]
        rest = [{"kind": "schedule", "key": f"local:{schedule}"}]
        rest += [{"kind": "user_group", "key": f"local:{group}", "members": which} for which in ("all", "random")]
        levels = {"format": 1, "levels": [{"wait": 5, "distribution": "everyone", "targets": [*people, *rest]}]}
        policy = row("escalation_policy", keys, name="Policy", levels=levels, repeat_count=0)
        link_account(ana, admin_user.pk, BY)
        yield World(ana, ben, cleo, schedule, policy, admin_client, sync)


def in_the_list(world: World) -> None:
    (listed,) = world.client.get(reverse("admin:oncall_schedule_changelist")).context["cl"].result_list
    assert vars(listed)["cells"] == ("Ana", "-")
    before, names = specs([world.schedule])[world.schedule], participant_names([world.schedule])
    schedule = Schedule.objects.get(pk=world.schedule)
    layers = {"format": 1, "layers": weekly_layers(f"person:local:{world.ana}")["layers"]}
    write("schedule", [Draft({"layers": layers}, id=schedule.pk, version=schedule.version)], by=BY)
    edit = Edit(before, specs([schedule.pk])[schedule.pk], names | participant_names([schedule.pk]))
    assert edit.effect(AT).words == "Nobody’s shifts change in the next 14 days."


def on_the_page(world: World) -> None:
    context = world.client.get(f"{page_url(world.schedule)}?at={NOW}").context
    assert context["now"].who == "Ana"
    assert [(load.who, load.shifts) for load in context["quality"].loads] == [("Ana", 1)]
    assert context["quality"].balance == 100
    bars = [bar for drawn in context["timeline"].rows for bar in drawn.bars]
    assert len(bars) == 4
    assert {(bar.name, bar.identity, "unreachable" in bar.style) for bar in bars} == {
        ("Ana", f"responder {world.ana}", False)
    }
    assert (context["why"].who, {line.who for line in context["why"].lines}) == ("Ana", {"Ana"})


def on_the_page_of_a_policy(world: World) -> None:
    context = world.client.get(policy_url(world.policy)).context
    assert [line.who for line in context["lines"]] == ["Ana"]
    (rung,) = context["ladder"].first
    assert [(line.kind, [who.name for who in line.who]) for line in rung.lines] == [
        ("", ["Ana"]), ("schedule", ["Ana"]), ("group", ["Ana"]), ("group", ["Ana"]),
    ]  # fmt: skip


def in_a_walk(world: World) -> None:
    found = walkable(EscalationPolicy.objects.get(pk=world.policy), AT)
    ana = one_key(world.ana)
    assert [target.key for target in found.policy.levels[0].targets if target.kind == "responder"] == [ana.id]
    assert {group.members for group in found.context.groups.values()} == {(ana,)}
    assert found.context.reachable >= {ana}


def on_my_page(world: World) -> None:
    context = world.client.get(reverse("everybody:index")).context
    assert [(shift["schedule"], shift["now"]) for shift in context["shifts"]] == [("Mixed", True)]


def in_the_next_shifts(world: World) -> None:
    assert [(shift.start, shift.end) for shift in shifts_of(world.ana, AT, AT + 30 * HOUR)] == [(AT, AT + 30 * HOUR)]


def in_the_shell(world: World) -> None:
    (answer,) = document("on_call", "--at", NOW, "--why")["schedules"]
    one = f"person:local:{world.ana}"
    assert (answer["on_call"], answer["next"]) == ([{"participant": one, "name": "Ana"}], [])
    assert {who for source in answer["why"]["sources"] for who in source["own"]} == {one}


def in_the_walk_of_the_shell(world: World) -> None:
    steps = document("walk", str(world.policy), "--at", NOW)["steps"]
    paged = [person["row_id"] for step in steps for person in step["people"] if step["minute"] == steps[0]["minute"]]
    assert set(paged) == {world.ana}


def in_a_conflict(world: World) -> None:
    shifts = NextShifts([Schedule.objects.get(pk=world.schedule)], AT)
    assert shifts.in_words([(world.schedule, world.ana)], {world.schedule: "Mixed"}) == ("schedule Mixed: on call now",)


def in_parity(world: World) -> None:
    links = {"S1": ("schedule", world.schedule), "PANA": ("responder", world.ana), "PTWIN": ("responder", world.ana)}
    for external_id, (kind, pk) in links.items():
        ExternalLink.objects.create(
            connection=world.sync.connection, entity_type=kind, external_id=external_id, state=LinkState.LINKED,
            since=timezone.now(), primary=external_id != "PTWIN",            **{f"{kind}_id": pk},
        )  # fmt: skip
    imported = load_imported(world.sync.connection, (), since=AT)
    theirs = [
        Span(AT, AT + HOUR, (person("PTWIN"),)),
        Span(AT + HOUR, AT + 2 * HOUR, (person("PANA"), person("PTWIN"))),
    ]
    measured = imported.measure("S1", ParityBasis.SYNC, theirs, AT, AT + 2 * HOUR).measured
    assert measured.comparison is not None
    assert (measured.comparison.equal, measured.differences, measured.unresolved) == (2 * HOUR, (), ())
    assert {who for span in measured.source for who in span.participants} == {
        person(f"{world.sync.connection.pk}:PANA")
    }


def in_an_impact(world: World) -> None:
    touched = Touched()
    touched.add("schedule", world.schedule, "", {"fields": {"layers": [None, None]}})
    measurement = Measurement(touched, AT)
    schedule = Schedule.objects.get(pk=world.schedule)
    layers = {"format": 1, "layers": weekly_layers(f"person:local:{world.ana}")["layers"]}
    write("schedule", [Draft({"layers": layers}, id=schedule.pk, version=schedule.version)], by=BY)
    assert measurement.impact().is_empty


def in_the_checklist(world: World) -> None:
    policy = EscalationPolicy.objects.get(pk=world.policy)
    assert silent_policies([policy], AT) == []
    ContactMethod.objects.filter(responder=world.ana).delete()
    assert silent_policies([policy], AT) == [policy]


#: Each module that reads schedules or policies -> what it must show of a person with several keys.
PLACES: Final[dict[str, Callable[[World], None]]] = {
    "oncall/admin/everybody/my_page.py": on_my_page,
    "oncall/admin/policy/page.py": on_the_page_of_a_policy,
    "oncall/admin/schedule/list.py": in_the_list,
    "oncall/admin/schedule/page.py": on_the_page,
    "oncall/selectors/policies.py": in_a_walk,
    "oncall/selectors/shifts.py": in_the_next_shifts,
    "syncjobs/conflicts/next_shifts.py": in_a_conflict,
    "syncjobs/management/commands/on_call.py": in_the_shell,
    "syncjobs/management/commands/walk.py": in_the_walk_of_the_shell,
    "syncjobs/pages/after_import/checklist.py": in_the_checklist,
    "syncjobs/parity/checks.py": in_parity,
    "syncjobs/runs/impact/pictures.py": in_an_impact,
}
READERS: Final = {"specs", "specs_of", "walkable", "walkables", "shifts_of"}


def test_every_module_that_reads_schedules_or_policies_is_in_the_table() -> None:
    found = set()
    for package in ("oncall", "syncjobs", "connectors", "config"):
        for file in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                is_read = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oncall.selectors")
                if is_read and READERS & {name.name for name in node.names}:
                    found.add(str(file.relative_to(REPOSITORY)))
    assert found == set(PLACES)


@pytest.mark.parametrize("module", PLACES)
def test_a_person_with_several_keys_is_one_person(module: str, world: World) -> None:
    PLACES[module](world)


def test_an_override_replaces_the_person_under_every_key(world: World) -> None:
    override = {**OTHERS, "by_key": f"person:local:{world.ben}", "sources": None, "covers_gaps": False, "rank": 0}
    version = Schedule.objects.get(pk=world.schedule).version
    changes = {"overrides": ElementChanges({"904:S:O": {**override, "replaces": "person:904:ANA.2"}})}
    write("schedule", [Draft({}, changes, id=world.schedule, version=version)], by=BY)
    assert world.on_call(AT + 2 * HOUR) == (one_key(world.ana),)  # nobody knows yet whose key this is
    known: Any = Responder.objects.filter(pk=world.ana).annotate(key=Value("904:ANA.2"), row=F("pk"))
    assert fill_references({"responder": known}) == 1
    assert world.on_call(AT + 2 * HOUR) == (one_key(world.ben),)
    assert world.on_call(AT + 3 * HOUR) == (one_key(world.ana),)


def test_a_substitution_replaces_the_person_under_every_key(world: World) -> None:
    away = {**OTHERS, "by_key": f"person:local:{world.cleo}", "scope": None}
    for key, stand_in in (("905:R", world.ana), ("904:R", world.cleo)):
        version = Responder.objects.get(pk=world.ana).version
        changes = {"substitutions": ElementChanges({key: away})}
        write("responder", [Draft({}, changes, id=world.ana, version=version)], by=BY)
        assert world.on_call(AT + 2 * HOUR) == (one_key(stand_in),), key


def test_the_time_of_a_person_is_counted_once(world: World) -> None:
    extra = {**OTHERS, "by_key": "person:904:ANA"}
    version = Schedule.objects.get(pk=world.schedule).version
    changes = {"extra_shifts": ElementChanges({"904:S:X": extra})}
    write("schedule", [Draft({}, changes, id=world.schedule, version=version)], by=BY, resolve=world.keys)
    spans = render_final(*specs([world.schedule])[world.schedule], AT, AT + 10 * HOUR)
    shares = loads(spans, "UTC", AT, AT + 10 * HOUR)
    assert {who: (load.seconds, load.shifts) for who, load in shares.items()} == {one_key(world.ana): (10 * HOUR, 1)}
    assert fairness(shares).balance == 100


def test_a_key_without_a_row_is_a_person_of_its_own(world: World) -> None:
    Reference.objects.filter(key="904:ANA").update(responder=None)
    assert world.on_call(AT) == (one_key(world.ana),)
    assert world.on_call(AT + 7 * 24 * HOUR) == (person("904:ANA"), one_key(world.ana))
