"""A form that cannot be saved names the layer, level or element of each error."""

from collections.abc import Callable
from typing import Any

import pytest

from oncall.admin.forms.errors import FormError

MakeRow = Callable[..., int]
SPAN = {"starts_at": "2100-03-02T10:00:00Z", "ends_at": "2100-03-02T11:00:00Z", "by_key": "vacant"}


@pytest.fixture
def rows(make: MakeRow, weekly_layers: Any, one_level: Any) -> dict[str, int]:
    second = {**weekly_layers("vacant", key="L2")["layers"][0], "name": "Nights"}
    layers = weekly_layers("vacant")
    layers["layers"].append(second)
    overrides = {"3:S:O": SPAN, "3:S:P": {**SPAN, "ends_at": "2100-03-05T11:00:00Z"}}
    method = {"channel": "email", "address": "a@example.com", "extension": "", "label": "", "enabled": True}
    return {
        "schedule": make("schedule", {"overrides": overrides}, layers=layers),
        "escalationpolicy": make("escalation_policy", levels=one_level(("responder", "3:PGONE"))),
        "responder": make("responder", {"contact_methods": {"3:P:M": method}, "substitutions": {"3:P:S": SPAN}}),
        "usergroup": make("user_group", {"members": {"3:T:P": {"person_key": "3:PGONE", "role": "manager"}}}),
    }


@pytest.mark.parametrize(
    ("model", "changes", "error"),
    [
        ("schedule", {"layers-1-first": ""}, ("Layer 2 (Nights)", "First handoff", "Without this value")),
        ("schedule", {"layers-1-windows": "soon"}, ("Layer 2 (Nights)", "Windows", "“soon”: write a window")),
        ("schedule", {"layers-1-length": "99999"}, ("Layer 2 (Nights)", "Turn length", "It must be at most a hundred")),
        ("schedule", {"overrides-1-ends": ""}, ("Override 2 (nobody)", "Ends", "This field is required.")),
        ("schedule", {"overrides-0-starts": "2300-01-01T00:00"}, ("Override 1 (nobody)", "Starts", "2300-01-01")),
        ("escalationpolicy", {"levels-0-wait": "-1"}, ("Level 1 (", "Wait, minutes", "Ensure this value")),
        ("responder", {"contact_methods-0-channel": ""}, ("Contact method 1", "Channel", "This field is required.")),
        ("responder", {"substitutions-0-ends": "2100-03-01T00:00"}, ("Substitution 1 (nobody)", "Ends", "The end")),
        ("usergroup", {"members-0-person": "Zoe"}, ("Member 1 (Zoe)", "Person", "“Zoe” is not known here")),
    ],
)  # fmt: skip
def test_each_error_names_its_place(
    form: Any, rows: dict[str, int], model: str, changes: dict[str, str], error: tuple[str, str, str]
) -> None:
    response = form(model, rows[model]).send(**changes)
    assert response.status_code == 200
    (found,) = response.context["form_errors"]
    assert isinstance(found, FormError)
    assert found.place.startswith(error[0])
    assert found.field == error[1]
    assert found.message.startswith(error[2])
    assert f"<strong>{found.place}</strong>, {error[1]}: " in response.content.decode()


def test_a_removed_element_and_a_new_form_have_no_errors(form: Any, rows: dict[str, int]) -> None:
    removed = {"overrides-1-ends": "", "overrides-1-DELETE": "on", "layers-1-first": "", "layers-1-DELETE": "on"}
    assert form("schedule", rows["schedule"]).send(**removed, name="").context["form_errors"] == []
    page = form("schedule")
    assert page.browser.get(page.url).context["form_errors"] == []
