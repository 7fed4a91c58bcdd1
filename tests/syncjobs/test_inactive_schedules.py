"""Nobody is on call in an inactive schedule, in every place that reads schedules, and the places say so alike."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.urls import reverse
from django.utils import timezone

from oncall.admin.policy.list import page_url as policy_url
from oncall.admin.schedule.list import page_url
from oncall.aggregates import Draft
from oncall.escalation.walk import walk
from oncall.models import EscalationPolicy, Schedule, UserGroup
from oncall.operations import deactivate, write
from oncall.rendering.final import Span
from oncall.rendering.spec import INACTIVE, person
from oncall.rendering.zones import HOUR
from oncall.selectors.policies import walkable
from oncall.selectors.shifts import shifts_of
from scripts.attack.forms import Form
from syncjobs.conflicts.next_shifts import NextShifts
from syncjobs.models import ExternalLink, LinkState, ParityBasis
from syncjobs.pages.after_import.checklist import silent_policies
from syncjobs.parity.checks import load_imported
from syncjobs.runs.impact.pictures import take
from syncjobs.runs.impact.touched import Subjects
from tests.syncjobs.management.test_shell import document, shell
from tests.syncjobs.test_one_person import AT, BY, NOW, PLACES, World, world

__all__ = ("world",)
pytestmark = pytest.mark.django_db


@pytest.fixture
def inactive(world: World) -> Iterator[World]:
    """The schedule is inactive, and the policy has it as its only target."""
    deactivate("schedule", [world.schedule], BY)
    policy = EscalationPolicy.objects.get(pk=world.policy)
    target = {"kind": "schedule", "key": f"local:{world.schedule}"}
    levels = {"format": 1, "levels": [{"wait": 5, "distribution": "everyone", "targets": [target]}]}
    write("escalation_policy", [Draft({"levels": levels}, id=policy.pk, version=policy.version)], by=BY)
    yield world


def in_the_list(world: World) -> None:
    (listed,) = world.client.get(reverse("admin:oncall_schedule_changelist")).context["cl"].result_list
    assert (INACTIVE in vars(listed)["cells"].now, vars(listed)["cells"].next) == (True, "-")
    form = Form(world.client, reverse("admin:oncall_schedule_change", args=[world.schedule]))
    page = form.send(_preview="1").content.decode()
    assert f"{INACTIVE} Nobody’s shifts change in the next 14 days." in page


def on_the_page(world: World) -> None:
    response = world.client.get(page_url(world.schedule))
    assert INACTIVE in response.content.decode()
    assert not [name for name in ("now", "timeline", "quality") if name in response.context]


def on_the_page_of_a_policy(world: World) -> None:
    response = world.client.get(policy_url(world.policy))
    assert INACTIVE in response.content.decode()
    assert response.context["lines"] == []


def in_a_walk(world: World) -> None:
    found = walkable(EscalationPolicy.objects.get(pk=world.policy), AT)
    (step,) = walk(found.policy, found.context, AT).steps
    assert (step.outcome, step.pages[0].people, step.pages[0].problems) == ("skipped", (), ())


def on_my_page(world: World) -> None:
    response = world.client.get(reverse("everybody:index"))
    assert response.context["shifts"] == []
    assert "Mixed" not in response.content.decode()


def in_the_next_shifts(world: World) -> None:
    assert shifts_of(world.ana, AT, AT + 30 * HOUR) == []


def in_the_shell(world: World) -> None:
    (answer,) = document("on_call", "--at", NOW, "--why")["schedules"]
    assert (answer["on_call"], answer["next"], answer["reason"], answer["active"]) == ([], [], INACTIVE, False)
    code, out = shell("on_call")
    assert (code, INACTIVE in out, "Ana" in out) == (0, True, False)


def in_the_walk_of_the_shell(world: World) -> None:
    (step,) = document("walk", str(world.policy), "--at", NOW)["steps"]
    assert step["people"] == []


def in_a_conflict(world: World) -> None:
    shifts = NextShifts([Schedule.objects.get(pk=world.schedule)], AT)
    assert shifts.in_words([(world.schedule, world.ana)], {world.schedule: "Mixed"}) == ("schedule Mixed",)


def in_parity(world: World) -> None:
    ExternalLink.objects.create(
        connection=world.sync.connection, entity_type="schedule", external_id="S1", state=LinkState.LINKED,
        schedule_id=world.schedule, since=timezone.now(),
    )  # fmt: skip
    imported = load_imported(world.sync.connection, (), since=AT)
    assert imported.spec("S1") is None
    theirs = [Span(AT, AT + HOUR, (person("PANA"),))]
    measured = imported.measure("S1", ParityBasis.SYNC, theirs, AT, AT + HOUR).measured
    assert (measured.comparison, measured.note) == (None, INACTIVE)


def in_an_impact(world: World) -> None:
    spans = take(Subjects({world.schedule}, {world.policy}), AT).spans
    assert spans.keys() == {("schedule", world.schedule), ("escalation_policy", world.policy)}
    assert [span for each in spans.values() for span in each if span.participants] == []


def in_the_checklist(world: World) -> None:
    policy = EscalationPolicy.objects.get(pk=world.policy)
    assert silent_policies([policy], AT) == [policy]


INACTIVE_PLACES: Final[dict[str, Callable[[World], None]]] = {
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


def test_every_place_is_in_the_table() -> None:
    assert set(INACTIVE_PLACES) == set(PLACES)


@pytest.mark.parametrize("module", INACTIVE_PLACES)
def test_nobody_is_on_call_in_an_inactive_schedule(module: str, inactive: World) -> None:
    INACTIVE_PLACES[module](inactive)


def test_switching_a_schedule_off_uncovers_its_time(world: World) -> None:
    form = Form(world.client, reverse("admin:oncall_schedule_change", args=[world.schedule]))
    data: dict[str, Any] = {**form.data, "_preview": "1"}
    data.pop("active")
    page = world.client.post(form.url, data).content.decode()
    assert f"{INACTIVE} Now Ana → nobody; next 24 h: 1 change; newly uncovered 14 d in the next 14 days." in page
    assert Schedule.objects.get(pk=world.schedule).active


def test_an_inactive_policy_pages_nobody_and_says_so(world: World) -> None:
    deactivate("escalation_policy", [world.policy], BY)
    response = world.client.get(policy_url(world.policy))
    assert "This policy is inactive: nobody is paged." in response.content.decode()
    assert "ladder" not in response.context
    found = walkable(EscalationPolicy.objects.get(pk=world.policy), AT)
    assert walk(found.policy, found.context, AT).steps == ()


def test_an_inactive_group_with_members_pages_nobody_and_says_so(world: World) -> None:
    group = UserGroup.objects.get(name="Team")
    deactivate("user_group", [group.pk], BY)
    page = world.client.get(policy_url(world.policy))
    (rung,) = page.context["ladder"].first
    words = "This group is inactive: nobody is paged."
    assert [(line.who, line.problems) for line in rung.lines if line.kind == "group"] == [((), (words,))] * 2
