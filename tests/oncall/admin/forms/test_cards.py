"""The forms of layers and levels."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from oncall.models import EscalationPolicy, Reference, Schedule
from oncall.rendering.codec import layers_from_json
from oncall.rendering.spec import Daily, Weekly

MakeRow = Callable[..., int]


def test_a_schedule_is_created(form: Any, make: MakeRow, problems: Any) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    group = make("user_group", name="Team")
    page = form("schedule")
    fields = {
        "name": "Nights", "time_zone": "Europe/Berlin", "composition": "stacked", "group": group,
        "layers-0-name": "Weekly", "layers-0-length": 2, "layers-0-unit": "weeks",
        "layers-0-first": "2026-03-02T09:00",
        "layers-0-participants": f"Ana #{ana}\nben\r\nnobody\ngroup: Team\nana", "layers-0-add": "Ben",
        "layers-0-windows": "daily 17:00 for 10h\nfri 20:30 for 12h30m",
        "layers-0-starts": "2026-03-02T00:00", "layers-0-ORDER": 1,
        "overrides-TOTAL_FORMS": 1, "overrides-0-stand_in": "Ana", "overrides-0-covers_gaps": "on",
        "overrides-0-starts": "2090-07-01T09:00", "overrides-0-ends": "2090-07-01T10:00",
    }  # fmt: skip
    response = page.send(**fields)
    assert response.status_code == 302, problems(response)
    schedule = Schedule.objects.get()
    (layer,) = layers_from_json(schedule.layers)
    assert [str(p) for p in layer.participants] == [
        f"local:{ana}", f"local:{ben}", "vacant", f"group:local:{group}", f"local:{ana}", f"local:{ben}",
    ]  # fmt: skip
    assert layer.windows == (Daily(61_200, 36_000), Weekly(5, 73_800, 45_000))
    assert schedule.layers["layers"][0]["starts_at"] == "2026-03-01T23:00:00Z"
    assert schedule.layers["layers"][0]["turns"]["length"] == 2 * 604_800
    assert (schedule.group_id, schedule.group_keys) == (group, [f"local:{group}"])
    assert schedule.overrides.get().starts_at.isoformat() == "2090-07-01T07:00:00+00:00"
    assert Reference.objects.filter(owner_schedule=schedule, responder=ana).count() == 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"layers-0-name": ""}, "name: This field is required"),
        ({"layers-0-length": ""}, "length: Without this value"),
        ({"layers-0-first": ""}, "first: Without this value"),
        ({"layers-0-first": "soon"}, "first: Write a date"),
        ({"layers-0-first": "2026-03-02T09:00Z"}, "first: Write the local date"),
        ({"layers-0-participants": "Zoe"}, "participants: “Zoe” is not known here"),
        ({"layers-0-windows": "sometimes"}, "windows: “sometimes”: write a window like"),
        ({"layers-0-windows": "daily 17:00 for 25h"}, "windows: “daily 17:00 for 25h”: its length is 90000"),
        ({"layers-0-starts": "2026-03-03T09:00", "layers-0-ends": "2026-03-02T09:00"}, "ends: The end must be after"),
    ],
)
def test_an_invalid_layer_is_refused_at_its_field(
    form: Any, make: MakeRow, problems: Any, weekly_layers: Callable[..., Any], changes: Any, complaint: str
) -> None:
    pk = make("schedule", layers=weekly_layers("vacant"))
    found = problems(form("schedule", pk).send(**changes))
    assert any(complaint in problem for problem in found), found
    assert "__all__: Correct the layers below." in found


def test_layers_are_reordered_and_removed_and_keep_keys_of_their_source(
    form: Any, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    layers = [weekly_layers(f"person:3:P{n}", key=f"L{n}")["layers"][0] for n in range(3)]
    pk = make("schedule", layers={"format": 1, "layers": layers})
    page = form("schedule", pk)
    assert page.data["layers-1-participants"] == "3:P1 (not known here)"
    lines = page.data["layers-1-participants"] + "\nnobody"
    page.send(**{"layers-0-ORDER": 9, "layers-2-DELETE": "on", "layers-1-participants": lines})
    stored = layers_from_json(Schedule.objects.get().layers)
    assert [(layer.key, [str(p) for p in layer.participants]) for layer in stored] == [
        ("L1", ["3:P1", "vacant"]),
        ("L0", ["3:P0"]),
    ]


def test_turns_can_be_months_or_everyone_at_once(form: Any, make: MakeRow, weekly_layers: Callable[..., Any]) -> None:
    pk = make("schedule", layers=weekly_layers("vacant"))
    for length, unit, turns in (("3", "months", "months"), ("", "everyone", None)):
        page = form("schedule", pk)
        assert page.send(**{"layers-0-length": length, "layers-0-unit": unit}).status_code == 302
        assert Schedule.objects.get().layers["layers"][0]["turns"].get("unit") == turns
        assert form("schedule", pk).data["layers-0-unit"] == unit


RECURRING = {
    "type": "recurring", "first": "2026-03-02T09:00:00", "duration": 60, "excluded": [], "added": [],
    "rule": {"frequency": "DAILY", "interval": 1, "by_day": [], "by_month_day": [], "by_month": [], "week_start": 1,
             "count": None, "until": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"turns": {"type": "by_occurrence", "shifts_per_participant": 2}, "windows": [RECURRING]},
         "change with each occurrence"),
        ({"turns": {"type": "by_time", "anchor": "2026-03-02T09:00:00Z", "length": 3_600, "unit": "seconds",
                    "clock": "elapsed"}}, "elapsed time"),
        ({"turns": {"type": "by_time", "anchor": "2026-03-02T09:00:00", "length": 61, "unit": "seconds",
                    "clock": "wall"}}, "not whole minutes"),
        ({"windows": [RECURRING]}, "recurrence rule"),
    ],
)  # fmt: skip
def test_a_layer_that_the_form_cannot_express_is_shown_and_kept(
    browser: Any, form: Any, make: MakeRow, weekly_layers: Callable[..., Any], change: dict[str, Any], words: str
) -> None:
    layers = weekly_layers("person:3:PX")
    layers["layers"][0] |= change
    pk = make("schedule", layers=layers)
    page = browser.get(reverse("admin:oncall_schedule_change", args=[pk])).content.decode()
    assert words in page
    assert "3:PX (not known here)" in page
    new = {"layers-1-name": "New", "layers-1-length": 1, "layers-1-unit": "days", "layers-1-first": "2026-03-02T09:00"}
    assert form("schedule", pk).send(**new, **{"layers-1-participants": "nobody"}).status_code == 302
    stored = Schedule.objects.get().layers["layers"]
    assert [layer["name"] for layer in stored] == ["Weekly", "New"]
    assert {name: stored[0][name] for name in change} == change


def test_choosing_a_zone_sets_its_state_to_ok(form: Any, make: MakeRow) -> None:
    make("schedule", zone_state="unknown", time_zone="", active=False)
    page = form("schedule", Schedule.objects.get().pk)
    assert page.send(time_zone="Europe/Berlin", active="on").status_code == 302
    assert Schedule.objects.get().zone_state == "ok"
    assert "no IANA time zone" in str(page.send(time_zone="Mars").context["adminform"].form.errors)


def test_a_policy_is_created(form: Any, make: MakeRow, problems: Any) -> None:
    ana, schedule = make("responder", name="Ana"), make("schedule", name="Primary")
    group, other = make("user_group", name="Team"), make("escalation_policy", name="Fallback")
    page = form("escalationpolicy")
    fields = {
        "name": "Web", "initial_wait": 0, "repeat_count": 2, "after_last": "nothing",
        "unstaffed_level": "skip_within_round", "resolved": "level",
        "levels-0-wait": 5, "levels-0-distribution": "round_robin",
        "levels-0-targets": "schedule: primary\nAna\ngroup: Team", "levels-0-add": "policy: Fallback",
    }  # fmt: skip
    assert "targets: “schedule: x” is not known" in str(
        problems(page.send(**{**fields, "levels-0-targets": "schedule: x"}))
    )
    response = page.send(**fields)
    assert response.status_code == 302, problems(response)
    policy = EscalationPolicy.objects.get(name="Web")
    (level,) = policy.levels["levels"]
    assert (level["wait"], level["distribution"], policy.repeat_count) == (5, "round_robin", 2)
    assert policy.unstaffed_level == "skip_within_round"
    assert level["targets"] == [
        {"kind": "schedule", "key": f"local:{schedule}"},
        {"kind": "responder", "key": f"local:{ana}"},
        {"kind": "user_group", "key": f"local:{group}"},
        {"kind": "escalation_policy", "key": f"local:{other}"},
    ]


def test_the_options_of_a_target_are_shown_and_kept(form: Any, make: MakeRow) -> None:
    targets = [
        {"kind": "schedule", "key": "3:S", "mode": "next", "layers": ["L1"], "condition": "not_closed"},
        {"kind": "user_group", "key": "3:G", "members": "leads", "notify": "admins"},
        {"kind": "group_routing", "key": "3:G"},
        {"kind": "unresolved", "key": "3:B", "unresolved_kind": "bot", "label": "Robot"},
    ]
    levels = {"format": 1, "levels": [{"wait": None, "distribution": "everyone", "targets": targets}]}
    pk = make("escalation_policy", levels=levels)
    page = form("escalationpolicy", pk)
    assert page.data["levels-0-targets"].splitlines() == [
        "schedule: 3:S (not known here) [next on call; layer L1; until closed]",
        "group: 3:G (not known here) [leads; admins]",
        "group: 3:G (not known here) [routing]",
        "bot: Robot (not known here)",
    ]
    page.send(**{"levels-0-wait": 7})
    assert EscalationPolicy.objects.get().levels["levels"] == [
        {"wait": 7, "distribution": "everyone", "targets": targets}
    ]
