"""The form of a schedule shows the effect of a change before and after it is saved."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from oncall.models import ChangeRecord, EscalationPolicy, Override, Schedule

MakeRow = Callable[..., int]
NOW = "2026-03-24T12:00:00Z"


@pytest.fixture
def weekly(make: MakeRow, weekly_layers: Callable[..., Any]) -> int:
    """Ana and Ben take turns by weeks. Ben is on call now."""
    ana, ben = (make("responder", name=name) for name in ("Ana", "Ben"))
    layers = weekly_layers(f"person:local:{ana}", f"person:local:{ben}")
    return make("schedule", name="Primary", layers=layers)


@time_machine.travel(NOW, tick=False)
def test_a_preview_shows_before_and_after_and_saves_nothing(form: Any, weekly: int) -> None:
    before, records = Schedule.objects.values().get(), ChangeRecord.objects.count()
    response = form("schedule", weekly).send(
        **{"_preview": "1", "layers-0-participants": "Ben\nnobody", "overrides-TOTAL_FORMS": 1,
           "overrides-0-stand_in": "Ana", "overrides-0-starts": "2026-03-25T09:00",
           "overrides-0-ends": "2026-03-25T10:00", "overrides-0-covers_gaps": "on"}
    )  # fmt: skip
    assert response.status_code == 200
    assert (Schedule.objects.values().get(), ChangeRecord.objects.count()) == (before, records)
    assert not Override.objects.exists()
    text = response.content.decode()
    assert "nothing is saved yet" in text
    assert "Now Ben → nobody; next 24 h: 3 changes; newly uncovered 6 d 23 h in the next 14 days." in text
    assert [row.label for row in response.context["preview"].rows] == ["Before", "After", "Difference"]
    assert "Ben → Ana" in text
    assert "<textarea" in text
    assert "Ben\nnobody" in text  # what was typed is still there
    assert "errornote" not in text
    response = form("schedule", weekly).send(**{"_preview": "1", "layers-0-participants": "nobody"})
    assert "Now Ben → nobody" in response.content.decode()  # the person who is removed still has a name


@time_machine.travel(NOW, tick=False)
def test_saving_shows_the_effect(form: Any, weekly: int, browser: Client) -> None:
    page = form("schedule", weekly)
    ben_first = "\n".join(reversed(page.data["layers-0-participants"].split("\n")))
    response = browser.post(page.url, {**page.data, "layers-0-participants": ben_first}, follow=True)
    shown = [(message.level_tag, str(message)) for message in response.context["messages"]]
    assert shown[0] == (
        "info",
        "Now Ben → Ana; next 24 h: 1 change; nothing newly uncovered in the next 14 days.",
    )
    page = form("schedule", weekly)
    response = browser.post(page.url, {**page.data, "description": "Weekly"}, follow=True)
    assert "Nobody’s shifts change in the next 14 days." in {str(each) for each in response.context["messages"]}


@time_machine.travel(NOW, tick=False)
def test_a_new_schedule_is_previewed_as_well(form: Any, make: MakeRow) -> None:
    make("responder", name="Ana")
    page = form("schedule")
    fields = {"name": "New", "time_zone": "Europe/Berlin", "layers-0-name": "L", "layers-0-participants": "Ana",
              "layers-0-length": 1, "layers-0-unit": "weeks", "layers-0-first": "2026-03-02T09:00"}  # fmt: skip
    response = page.send(**fields, _preview="1")
    assert "Now nobody → Ana; next 24 h: 1 change" in response.content.decode()
    assert not Schedule.objects.exists()
    response = page.browser.post(page.url, {**page.data, **fields}, follow=True)
    assert Schedule.objects.get().name == "New"
    assert "Now nobody → Ana" in str([str(message) for message in response.context["messages"]])


def test_a_preview_of_an_invalid_layer_shows_the_error_at_the_layer(form: Any, weekly: int, problems: Any) -> None:
    response = form("schedule", weekly).send(**{"_preview": "1", "layers-0-length": 99_999})
    assert any("at most a hundred years" in problem for problem in problems(response))
    response = form("schedule", weekly).send(_preview="1", time_zone="")
    assert any(problem.startswith("time_zone: ") for problem in problems(response))
    assert "nothing is saved yet" not in response.content.decode()


def test_layers_and_levels_in_an_unknown_format_are_reported_and_kept(form: Any, weekly: int, make: MakeRow) -> None:
    Schedule.objects.update(layers={"format": 0})
    page = form("schedule", weekly)
    text = page.browser.get(page.url).content.decode()
    assert "stored in format 0" in text
    assert "layers-TOTAL_FORMS" not in text
    response = page.send(name="Other")
    assert response.status_code == 200
    assert "stored in format 0" in response.content.decode()
    assert Schedule.objects.get().layers == {"format": 0}
    policy = make("escalation_policy")
    EscalationPolicy.objects.filter(pk=policy).update(levels={"format": 0})
    url = reverse("admin:oncall_escalationpolicy_change", args=[policy])
    assert "stored in format 0" in page.browser.get(url).content.decode()


@time_machine.travel(NOW, tick=False)
def test_the_effect_of_repairing_a_zone_cannot_be_determined(form: Any, weekly: int) -> None:
    Schedule.objects.update(time_zone="Nowhere/Land")
    response = form("schedule", weekly).send(_preview="1", time_zone="Europe/Berlin")
    text = response.content.decode()
    assert "Who is on call cannot be determined" in text
    assert "is no known IANA time zone" in text
