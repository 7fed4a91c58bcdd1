"""The list of conflicts in the shell: filters, fields and exit codes."""

from typing import Any

import pytest

from oncall.aggregates import Draft
from oncall.operations import write
from syncjobs.models import Conflict, ConflictState
from syncjobs.planning.decisions.table import CHOICES
from tests.syncjobs.conftest import BY, Sync
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
