"""``apply``: ticks, approved removals, and rules that changed after the review."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from connectors.records import SourceTeam
from oncall.models import Responder, UserGroup
from syncjobs.management.commands import apply
from syncjobs.models import RunState
from syncjobs.runs.runner import drive
from tests.syncjobs.conftest import Sync, user, world

pytestmark = pytest.mark.django_db


@pytest.fixture
def shell(sync: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs ``apply`` with --json. Returns the exit code and the document."""
    monkeypatch.setattr(apply, "drive", lambda run_id: drive(run_id, opener=sync.source.open))

    def run(*arguments: object) -> tuple[int, Any]:
        try:
            call_command("apply", *map(str, arguments), "--json")
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def changed(sync: Sync) -> Sync:
    """The group has another name and no members any more, and Ana has a title."""
    sync.run()
    sync.source.change(
        teams=(SourceTeam("T1", "Platform crew", members=()),),
        users=(user("U1", "Ana", title="Engineer"), *world().users[1:]),
    )
    return sync


def test_an_unticked_item_is_left_out_and_removals_wait(changed: Sync, shell: Any) -> None:
    code, document = shell(changed.plan().pk, "--untick", "responder:U1")
    items = {item["external_id"]: item for item in document["items"]}
    assert (code, document["kind"], document["state"]) == (3, "import", "partial")
    assert (items["U1"]["ticked"], items["U1"]["outcome"], items["U1"]["held"]) == (False, "skipped", False)
    assert (items["T1"]["held"], items["T1"]["held_ticked"], items["T1"]["outcome"]) == (True, False, "applied")
    assert Responder.objects.get(name="Ana").title == ""
    assert (UserGroup.objects.get().name, UserGroup.objects.get().members.count()) == ("Platform crew", 2)


@pytest.mark.parametrize("which", ["user_group:T1", "all"])
def test_approved_removals_are_applied(changed: Sync, shell: Any, which: str) -> None:
    code, document = shell(changed.plan().pk, "--approve", which)
    assert (code, document["state"]) == (0, "succeeded")
    assert [item["held_ticked"] for item in document["items"] if item["held"]] == [True]
    assert UserGroup.objects.get().members.count() == 0


def test_an_item_that_is_ticked_again_is_applied(changed: Sync, shell: Any) -> None:
    plan = changed.plan()
    plan.items.update(ticked=False)
    shell(plan.pk, "--tick", "responder:U1")
    assert Responder.objects.get(name="Ana").title == "Engineer"
    assert UserGroup.objects.get().name == "Platform"


@pytest.mark.parametrize("options", [("--approve", "all"), ("--tick", "user_group:T1"), ()], ids=" ".join)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_item_that_is_unticked_is_left_out_whatever_else_names_it(
    changed: Sync, shell: Any, options: tuple[str, ...], is_first: bool
) -> None:
    plan = changed.plan()
    untick = ("--untick", "user_group:T1")
    shell(plan.pk, *(untick + options if is_first else options + untick))
    item = plan.items.get(external_id="T1")
    assert (item.ticked, item.held_ticked, item.outcome) == (False, False, "skipped")
    assert (UserGroup.objects.get().name, UserGroup.objects.get().members.count()) == ("Platform", 2)
    assert Responder.objects.get(name="Ana").title == "Engineer"


def test_an_item_that_holds_nothing_back_cannot_be_approved(changed: Sync) -> None:
    with pytest.raises(CommandError, match=r"'responder:U1' of .* holds nothing back") as refused:
        call_command("apply", changed.plan().pk, "--approve", "responder:U1")
    assert refused.value.returncode == 64


@pytest.mark.parametrize("option", ["--tick", "--untick", "--approve"])
def test_an_unknown_item_is_wrong_usage_and_nothing_is_ticked(changed: Sync, option: str) -> None:
    plan = changed.plan()
    with pytest.raises(CommandError, match="no open item 'responder:U9'") as refused:
        call_command("apply", plan.pk, "--untick", "responder:U1", option, "responder:U9")
    assert refused.value.returncode == 64
    assert all(plan.items.values_list("ticked", flat=True))
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW


def test_rules_that_changed_are_asked_about(changed: Sync, shell: Any) -> None:
    plan = changed.plan()
    changed.rules(selection={"everything": False, "chosen": {"schedule": ["S1"]}})
    with pytest.raises(CommandError, match="The selection and the rules of acme changed") as refused:
        call_command("apply", plan.pk)
    assert refused.value.returncode == 1
    assert UserGroup.objects.get().name == "Platform"
    code, _ = shell(plan.pk, "--despite-rules", "--approve", "all")
    assert code == 0
    assert UserGroup.objects.get().name == "Platform crew"
