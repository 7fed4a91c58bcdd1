"""The list of conflicts in the shell: filters, fields and exit codes."""

from typing import Any

import pytest

from oncall.aggregates import Draft
from oncall.operations import write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState
from syncjobs.planning.decisions.table import CHOICES
from tests.syncjobs.conftest import BY, Sync, contents
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(sync: Sync) -> Sync:
    write("user_group", [Draft({"name": "platform"})], by=BY)
    sync.run()
    return sync


def ids(*args: str) -> set[int]:
    return {each["id"] for each in document("conflicts", *args)}


def test_a_question_says_everything_about_itself(imported: Sync) -> None:
    (person,) = [each for each in document("conflicts", "--kind", "user_not_found") if each["label"] == "Ana"]
    assert [each["choice"] for each in person["choices"]] == [each.name for each in CHOICES["user_not_found"]]
    shown = {name: value for name, value in person.items() if name not in ("id", "opened_at", "holds_up", "choices")}
    assert shown == {
        "connection": "acme",
        "connections": ["acme"],
        "kind": "user_not_found",
        "entity_type": "responder",
        "external_id": "U1",
        "label": "Ana",
        "paths": [],
        "evidence": {"email": "ana@example.com", "why": "no_account"},
        "state": "open",
        "choice": None,
        "arguments": {},
        "suggestion": None,
        "comment": "",
        "decided_by": None,
        "assignee": None,
        "groups": ["Platform"],
    }
    assert person["holds_up"][0].startswith("schedule Primary")
    choices = {each["choice"]: each["arguments"] for each in person["choices"]}
    assert choices["map"] == [{"name": "to", "required": True, "default": None}]
    assert choices["leave"] == []
    assert all(each["effect"].endswith(".") for each in person["choices"])
    (names,) = document("conflicts", "--kind", "team_name_collision")
    assert (names["connection"], names["connections"], names["external_id"]) == (None, ["acme"], None)


def test_a_question_about_names_is_listed_for_each_connection_of_its_rows(imported: Sync) -> None:
    other = Sync("globex")
    (names,) = document("conflicts", "--kind", "team_name_collision")
    assert names["id"] in ids("acme")
    assert ids("globex") == set()
    other.run()
    (names,) = document("conflicts", "--kind", "team_name_collision")
    assert names["connections"] == ["acme", "globex"]
    assert names["id"] in ids("acme") & ids("globex")


def test_states_are_chosen_and_only_what_waits_exits_3(imported: Sync) -> None:
    everything = set(Conflict.objects.values_list("pk", flat=True))
    first, second, *_ = sorted(everything)
    Conflict.objects.filter(pk=first).update(state=ConflictState.CLOSED)
    Conflict.objects.filter(pk=second).update(state=ConflictState.PROPOSED)
    assert ids() == everything - {first}
    assert ids("--state", "closed") == {first}
    assert ids("--state", "proposed") == {second}
    assert ids("--state", "decided") == set()
    assert ids("--state", "all") == everything
    codes: dict[str, Any] = {state: shell("conflicts", "--state", state)[0] for state in ("closed", "proposed", "all")}
    assert codes == {"closed": 0, "proposed": 3, "all": 3}
    assert shell("conflicts", "--kind", "nonsense")[0] == 64
    code, table = shell("conflicts", "acme", "--kind", "user_not_found")
    assert code == 3
    assert "schedule Primary" in table


# --- options that belong to an answer


def proposed(imported: Sync) -> Conflict:
    conflict = Conflict.objects.get(kind="user_not_found", label="Ana")
    decide(conflict, Decision("leave", {}, None, comment="as the lead says", propose=True))
    conflict.refresh_from_db()
    return conflict


def test_confirming_can_be_previewed_and_commented(imported: Sync) -> None:
    conflict = proposed(imported)
    before = contents()
    shown = document("conflicts", "--confirm", str(conflict.pk), "--preview")
    assert (shown["applied"], shown["choice"], shown["state"], contents()) == (False, "leave", "proposed", before)
    code, _ = shell("conflicts", "--confirm", str(conflict.pk), "--comment", "agreed")
    conflict.refresh_from_db()
    assert (code, conflict.state, conflict.comment) == (0, ConflictState.DECIDED, "agreed")


@pytest.mark.parametrize(
    ("action", "option"),
    [
        ("", "--preview"),
        ("", "--remember"),
        ("", "--set=to=x"),
        ("", "--comment=x"),
        ("--confirm", "--remember"),
        ("--confirm", "--set=to=x"),
        ("--decline", "--preview"),
        ("--decline", "--remember"),
        ("--decline", "--set=to=x"),
    ],
)
def test_an_option_without_effect_is_wrong_usage_and_nothing_is_written(
    imported: Sync, action: str, option: str
) -> None:
    conflict = proposed(imported)
    before = contents()
    given = (f"{action}={conflict.pk}",) if action else ()
    code, out = shell("conflicts", *given, option)
    assert (code, option.partition("=")[0] in out, contents()) == (64, True, before)
