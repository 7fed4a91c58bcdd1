"""Every place that shows, edits or walks a participant of a schedule knows every kind of participant."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from oncall.admin.policy.list import page_url as policy_url
from oncall.admin.schedule.list import page_url as schedule_url
from oncall.errors import InvalidDraft
from oncall.models import Override, Reference, Schedule, User
from oncall.operations import create_account
from oncall.rendering.codec import participant_from_text
from oncall.rendering.differences import Comparison
from oncall.rendering.spec import ParticipantKind
from oncall.selectors.states import load_states
from syncjobs.models import ParityBasis
from syncjobs.parity.checks import ScheduleParity
from syncjobs.parity.compare import ExplainedDifference, Measurement
from syncjobs.parity.words import lines_of, row_of
from syncjobs.words.names import Names
from syncjobs.words.values import element_line, field_lines
from tests.oncall.admin.conftest import Form
from tests.oncall.conftest import MakeRow, one_level, weekly_layers
from tests.oncall.conftest import make as make  # the fixture
from tests.oncall.conftest import tester as tester  # the fixture
from tests.syncjobs.management.test_shell import document, shell

NOW = "2026-03-03T12:00:00Z"
Holder = tuple[ParticipantKind, str, str]


@pytest.fixture
def browser(db: None, client: Client) -> Client:
    create_account("root@example.com", "long-enough-1", is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(email="root@example.com"))
    return client


@pytest.fixture(params=get_args(ParticipantKind))
def holder(request: pytest.FixtureRequest, make: MakeRow) -> Iterator[Holder]:
    """(kind, the participant as text, its name) of every kind."""
    kind: ParticipantKind = request.param
    method = {"channel": "email", "address": "ana@example.com", "extension": "", "label": "", "enabled": True}
    ana = make("responder", {"contact_methods": {"local:+": method}}, name="Ana")
    team = make("user_group", {"members": {"local:+": {"person_key": f"local:{ana}", "role": ""}}}, name="Team")
    text, name = {
        "person": (f"person:local:{ana}", "Ana"),
        "group": (f"group:local:{team}", "Team"),
        "group_routing": (f"group_routing:local:{team}", "Team"),
        "policy": (f"policy:local:{make('escalation_policy', name='Nights')}", "Nights"),
        "unknown": ("unknown:3:group:g1", "somebody unknown (group g1)"),
        "vacant": ("vacant", "nobody"),
    }[kind]
    with time_machine.travel(NOW, tick=False):
        yield kind, text, name


@pytest.fixture
def schedule(holder: Holder, make: MakeRow) -> int:
    return make("schedule", name="Primary", layers=weekly_layers(holder[1]))


def test_the_page_draws_and_explains_it(browser: Client, schedule: int, holder: Holder) -> None:
    kind, _, name = holder
    response = browser.get(f"{schedule_url(schedule)}?at={NOW}")
    context = response.context
    assert context["now"].who == ("" if kind == "vacant" else name)
    assert context["why"].who == name
    final, layer = context["timeline"].rows
    assert {bar.name for bar in final.bars} == {name}
    assert {"gap" in bar.style for bar in final.bars} == {kind == "vacant"}
    assert {"unreachable" in bar.style for bar in layer.bars} == ({kind == "unknown"} if kind != "vacant" else set())
    text = response.content.decode()
    assert name in text
    assert ("For 14 d it is unknown who that is." in text) == (kind == "unknown")
    assert name in browser.get(reverse("admin:oncall_schedule_changelist")).content.decode()


def test_the_form_names_it_and_keeps_it(browser: Client, schedule: int, holder: Holder) -> None:
    kind, text, name = holder
    form = Form(browser, reverse("admin:oncall_schedule_change", args=[schedule]))
    assert name in form.data["layers-0-participants"]
    assert form.send(**{"description": "x", "layers-0-name": "Renamed"}).status_code == 302
    (layer,) = load_states("schedule", [schedule])[schedule].fields["layers"]["layers"]
    assert (layer["name"], layer["participants"]) == ("Renamed", [text])
    form = Form(browser, reverse("admin:oncall_schedule_change", args=[schedule]))
    lines = form.data["layers-0-participants"]
    assert form.send(**{"layers-0-participants": f"nobody\n{lines}\n{lines}"}).status_code == 302
    (layer,) = load_states("schedule", [schedule])[schedule].fields["layers"]["layers"]
    assert layer["participants"] == ["vacant", text, text]
    assert Reference.objects.filter(owner_schedule=schedule).exists() == (kind not in ("unknown", "vacant"))


def test_the_walk_knows_whom_it_means(browser: Client, schedule: int, holder: Holder, make: MakeRow) -> None:
    kind, _, _ = holder
    policy = make("escalation_policy", name="Policy", levels=one_level(("schedule", f"local:{schedule}")))
    response = browser.get(policy_url(policy))
    (rung,) = response.context["ladder"].first
    (line,) = rung.lines
    assert {
        "person": "", "group": "", "group_routing": "No known person; the wait continues.",
        "policy": "No one is reachable; the next level starts at once.",
        "unknown": "No known person; the wait continues.",
        "vacant": "No one is reachable; the next level starts at once.",
    }[kind] == rung.says  # fmt: skip
    if kind == "unknown":
        assert line.problems == ("On call is somebody unknown (group g1), so who is paged cannot be determined.",)
    assert [who.name for who in line.who] == (["Ana"] if kind in ("person", "group") else [])


def test_the_shell_names_it(schedule: int, holder: Holder) -> None:
    kind, text, name = holder
    code, out = shell("on_call", "--why")
    assert code == 0
    assert f"Primary: {name}" in out
    (answer,) = document("on_call")["schedules"]
    assert answer["on_call"] == ([] if kind == "vacant" else [{"participant": text, "name": name}])


def test_plans_and_conflicts_name_it(holder: Holder) -> None:
    _, text, name = holder
    names = Names()
    for _ in range(2):
        lines = field_lines("layers", weekly_layers(text), names)
        shift = element_line("extra_shifts", {"starts_at": NOW, "ends_at": NOW, "by_key": text}, names)
        names.load()
    assert name in lines[0]
    assert name in shift


def test_parity_names_it(schedule: int, holder: Holder) -> None:
    _, text, name = holder
    participant = participant_from_text(text)
    difference = ExplainedDifference(0, 60, (participant,), (), "unexplained")
    measured = Measurement(0, 60, (), Comparison(0, 60, 0, 0, 0, ()), (difference,))
    (line,) = lines_of(3, [ScheduleParity("S1", "Primary", schedule, ParityBasis.SYNC, measured)])
    expected = "vacant" if name == "nobody" else name  # a source's rendering contains no vacant participant
    assert f"there {expected}, here nobody" in row_of(line)[-1]


def spell(by: str) -> dict[str, Any]:
    return {
        "starts_at": "2026-03-03T10:00:00Z", "ends_at": "2026-03-04T10:00:00Z", "by_key": by, "sources": None,
        "replaces": "", "covers_gaps": True, "rank": 0,
    }  # fmt: skip


@pytest.mark.parametrize("collection", ["overrides", "extra_shifts"])
def test_it_stands_in_as_a_person_a_vacancy_or_somebody_unknown(
    collection: str, holder: Holder, make: MakeRow, browser: Client
) -> None:
    kind, text, name = holder
    values = spell(text)
    if collection == "extra_shifts":
        values = {field: values[field] for field in ("starts_at", "ends_at", "by_key")}

    def write() -> int:
        return make("schedule", {collection: {"3:S:1": values}}, name="Secondary")

    if kind not in ("person", "unknown", "vacant"):
        with pytest.raises(InvalidDraft):
            write()
        return
    pk = write()
    now = browser.get(schedule_url(pk)).context["now"]
    assert now.who == ("" if kind == "vacant" else name)
    code, out = shell("on_call", "--why", "--schedule", "Secondary")
    assert code == 0
    assert f"Secondary: {name}" in out


def test_the_form_of_an_override_names_it_and_keeps_it(holder: Holder, make: MakeRow, browser: Client) -> None:
    kind, text, name = holder
    if kind not in ("person", "unknown", "vacant"):
        return
    pk = make("schedule", {"overrides": {"3:S:1": spell(text)}}, name="Secondary")
    form = Form(browser, reverse("admin:oncall_schedule_change", args=[pk]))
    shown = form.data["overrides-0-stand_in"]
    assert shown.startswith(name)
    assert form.send(**{"overrides-0-ends": "2026-03-05T10:00"}).status_code == 302
    row = Override.objects.get()
    assert (row.by_key, row.ends_at > datetime(2026, 3, 5, tzinfo=UTC)) == (text, True)
    assert str(row) == f"{name} on Secondary"
    assert form.send(**{"overrides-0-stand_in": "Somebody else"}).status_code == 200
    assert Override.objects.get().by_key == text


@pytest.mark.parametrize("text", ["unknown:", "person:", "vacant:x", "group:3:T1", "robot:1"])
def test_no_other_text_stands_in(text: str, make: Callable[..., int]) -> None:
    with pytest.raises(InvalidDraft):
        make("schedule", {"overrides": {"3:S:1": spell(text)}}, name="Secondary")
    assert not Schedule.objects.exists()
