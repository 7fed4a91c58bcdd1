"""The steps of the setup after the connection: selection, people, rules, review, and the start of the import."""

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.closure import Node
from connectors.errors import AuthenticationFailed, ProviderUnavailable
from connectors.simulator.pagerduty import Simulator
from oncall.escalation.policy import Level, Policy, Target
from oncall.models import Responder, Schedule, User
from oncall.operations import create_account
from oncall.rendering.spec import Always, ByTime, Layer, person
from syncjobs.models import Conflict, Invitation, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.setup import inventory
from syncjobs.setup.disconnect import disconnect
from syncjobs.slots.ticking import run_tick
from tests.syncjobs.conftest import Sync
from tests.syncjobs.source.conftest import connect_by_pages, in_setup, rules, url, walk_to, work

pytestmark = pytest.mark.django_db


def test_the_tree_is_there_at_once_and_the_ticks_are_kept(admin_client: Client, simulator: Simulator) -> None:
    connection = connect_by_pages(admin_client)
    page = admin_client.get(url(connection, "import")).content.decode()
    assert "escalation policy Platform" in page
    assert "This list took" in page
    chosen = next(node for node in inventory.cached_inventory(connection) or () if node.entity_type == "service")
    ticks = {"scope": "chosen", "chosen": f"service:{chosen.external_id}"}
    # Each change sends the ticks, so that a closed tab loses none.
    admin_client.post(url(connection, "inventory"), {**ticks, "part": "along"})
    selection = {"everything": False, "chosen": {"service": [chosen.external_id]}}
    assert SyncProfile.objects.get().selection == selection
    ticked = f'value="service:{chosen.external_id}" checked'
    assert ticked in admin_client.get(url(connection, "import")).content.decode()
    # Without JavaScript, buttons do the same.
    page = admin_client.post(url(connection, "import"), {**ticks, "do": "search", "q": "no such name"}).content.decode()
    assert "No name matches." in page
    assert ticked in page
    assert not SyncRun.objects.exists()


def test_a_vendor_that_dies_between_two_steps_stops_nothing(
    admin_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect_by_pages(admin_client)

    def fail(*args: Any, **options: Any) -> Any:
        raise ProviderUnavailable("502", hint="Try again later.", provider="pagerduty")

    def refuse(*args: Any, **options: Any) -> Any:
        raise AuthenticationFailed("The key was refused.", hint="Enter another key.", provider="pagerduty")

    with monkeypatch.context() as dead:
        dead.setattr(inventory, "open_connector", fail)
        page = admin_client.get(url(connection, "import")).content.decode()
        assert "Try again later." in page
        assert "Try again</button>" in page
        answer = admin_client.post(url(connection, "import"), {"scope": "everything", "do": "save"})
        assert answer.headers["Location"] == url(connection, "people")
    drive(SyncRun.objects.get().pk, opener=refuse)
    page = admin_client.get(url(connection, "people")).content.decode()
    assert "The key was refused." in page
    assert "Enter another key." in page
    admin_client.post(url(connection, "people"), {"do": "plan"})
    assert SyncRun.objects.count() == 2
    assert "This page goes on by itself" in admin_client.get(url(connection, "people")).content.decode()
    work()
    assert "Not decided" in admin_client.get(url(connection, "people")).content.decode()


def test_readiness_is_told_of_each_row() -> None:
    full = Node("schedule", "S1", "Full", references=(("responder", "U1"),))
    nodes = (
        full,
        Node("schedule", "S2", "Empty"),
        Node("escalation_policy", "P1", "Quiet"),
        Node("escalation_policy", "P2", "Half", references=(("schedule", "S1"), ("schedule", "S2"))),
        Node("service", "V1", "Lost"),
        Node("service", "V2", "Fine", references=(("escalation_policy", "P2"),)),
    )
    sections = inventory.tree_of(nodes, frozenset(), "").sections
    gaps = {row.name: row.gaps for section in sections for row in section.rows}
    assert gaps == {
        "Full": (), "Empty": ("Nobody is in it.",), "Quiet": ("It pages nobody.",),
        "Half": ("Nobody is in its schedule Empty.",), "Lost": ("It has no escalation policy.",), "Fine": (),
    }  # fmt: skip
    # Where a list tells layers and levels, they say more.
    layer = Layer("L1", "Days", (Always(),), ByTime(0, 604_800), (person("U1"), person("U2")))
    ended, empty = replace(layer, name="Old", ends_at=1), replace(layer, name="Spare", participants=())
    levels = (Level(10, "everyone", (Target("schedule", "S1"),)), Level(20, "everyone", ()))
    policy = Policy(5, levels, 2, "nothing", "skip", "level")
    told = (
        Node("schedule", "S1", "Told", layers=(layer, ended, empty)),
        Node("schedule", "S2", "Over", layers=(ended,)),
        Node("schedule", "S3", "Bare", layers=()),
        Node("escalation_policy", "P1", "Levels", references=(("schedule", "S1"),), policy=policy),
        Node("escalation_policy", "P2", "No levels", policy=replace(policy, levels=())),
    )
    rows = {row.name: row for section in inventory.tree_of(told, frozenset(), "").sections for row in section.rows}
    assert rows["Told"].gaps == ("The layer Old has ended.", "Nobody is in the layer Spare.")
    assert rows["Told"].contents[0] == "Days: 2 participants, 1 week each, at all times"
    assert (rows["Over"].gaps, rows["Bare"].gaps) == (("All of its layers have ended.",), ("It has no layer.",))
    assert (rows["Levels"].gaps, rows["No levels"].gaps) == (("Level 2 has no target.",), ("It has no level.",))
    assert rows["Levels"].contents == ("2 levels, after 5, 15 minutes, then 2 more rounds",)
    # A list that names nobody says nothing about single schedules.
    alone = inventory.tree_of((Node("schedule", "S2", "Empty"),), frozenset(), "")
    assert alone.sections[0].rows[0].gaps == ()


def test_nobody_goes_on_with_people_who_are_not_decided(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "people")
    people = url(profile.connection, "people")
    answer = admin_client.post(people, {"do": "continue"})
    assert answer.headers["Location"] == people
    page = admin_client.get(people).content.decode()
    assert "not decided yet. Leaving somebody without an account is a decision, too." in page
    waiting = list(Conflict.objects.filter(kind="user_not_found", state="open").order_by("label"))
    assert len(waiting) > 3
    create_account("somebody@example.com", name="Somebody")
    first, second, third = waiting[:3]
    admin_client.post(people, {"do": "invite", "question": first.pk})
    admin_client.post(people, {"do": "leave", "question": [second.pk, first.pk]})
    admin_client.post(people, {"do": f"map:{third.pk}", f"to-{third.pk}": "somebody@example.com"})
    refused = admin_client.post(
        people, {"do": f"map:{waiting[3].pk}", f"to-{waiting[3].pk}": "no@example.com"}, follow=True
    )
    assert f"{waiting[3].label}: no account has the address no@example.com" in unescape(refused.content.decode())
    decided = {each.pk: each.choice for each in Conflict.objects.filter(state="decided")}
    assert decided == {first.pk: "invite", second.pk: "leave", third.pk: "map"}
    assert Invitation.objects.get().name == first.label
    admin_client.post(people, {"do": "leave_all"})
    assert not Conflict.objects.filter(kind="user_not_found", state="open").exists()
    shown = admin_client.get(people).context["shown"]
    assert {bucket.name: bucket.count for bucket in shown.buckets}["undecided"] == 0
    assert admin_client.post(people, {"do": "continue"}).headers["Location"] == url(profile.connection, "rules")
    assert SyncProfile.objects.get().setup_step == "rules"


def test_the_whole_way_ends_in_an_import_that_is_started_once(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    review = url(profile.connection, "review")
    page = admin_client.get(review).content.decode()
    for words in (
        "What you chose",
        "everything that the key may read",
        "Preserve local changes",
        "What the import does",
    ):
        assert words in page
    assert not Responder.objects.exists()
    plan = SyncRun.objects.get(kind=RunKind.PLAN)
    answers = [admin_client.post(review, {"do": "start", "run": plan.pk}) for _ in range(2)]
    run_page = reverse("admin:syncjobs_syncrun_change", args=[plan.pk])
    assert [answer.headers["Location"] for answer in answers] == [run_page] * 2
    work()
    plan.refresh_from_db()
    assert plan.state == RunState.SUCCEEDED
    assert Schedule.objects.exists()
    assert SyncRun.objects.exclude(kind=RunKind.DECISION).count() == 1
    profile.refresh_from_db()
    assert (profile.setup_step, profile.paused_at) == ("", None)
    assert admin_client.post(review, {"do": "start", "run": plan.pk}).headers["Location"] == run_page
    assert admin_client.get(review).headers["Location"] == url(profile.connection, "change")


def test_rules_that_change_what_is_read_plan_again(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    assert SyncRun.objects.filter(kind=RunKind.PLAN).count() == 1
    answer = admin_client.post(
        url(profile.connection, "rules"), rules(contact_details="", every="6h", guard_share="35")
    )
    assert answer.headers["Location"] == url(profile.connection, "review")
    assert "This page goes on by itself" in admin_client.get(url(profile.connection, "review")).content.decode()
    work()
    page = admin_client.get(url(profile.connection, "review")).content.decode()
    for words in ("not requested", "every 6 hours, after the first import", "more than 35 % of a kind"):
        assert words in page
    # Nothing is synced by itself before the import was started.
    run_tick()
    assert SyncRun.objects.exclude(kind=RunKind.DECISION).count() == 2


def test_rules_that_are_typed_are_kept_when_the_session_ends(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "rules")
    page = url(profile.connection, "rules")
    assert admin_client.post(page, {**rules(every="1d", guard_share="44"), "do": "keep"}).status_code == 204
    for typed in (rules(every="6h", guard_share="none"), rules(every="other", other_every="", strategy="source")):
        assert admin_client.post(page, {**typed, "guard_share": "none", "do": "keep"}).status_code == 204
    account = User.objects.get(pk=admin_client.session["_auth_user_id"])
    admin_client.logout()
    assert admin_client.post(page, rules()).headers["Location"].startswith("/admin/login/")
    admin_client.force_login(account)
    form = admin_client.get(page).context["form"]
    assert (form["every"].value(), form["guard_share"].value()) == ("6h", 44)
    assert form["strategy"].value() == "source"  # a field that is not valid keeps no other from being kept


def test_an_older_plan_of_another_tab_is_not_applied(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    plan = SyncRun.objects.get(kind=RunKind.PLAN)
    admin_client.post(url(profile.connection, "rules"), rules(strategy="source"))  # in another tab
    answer = admin_client.post(url(profile.connection, "review"), {"do": "start", "run": plan.pk})
    assert answer.headers["Location"] == url(profile.connection, "review")
    work()
    page = admin_client.post(url(profile.connection, "review"), {"do": "start", "run": plan.pk}, follow=True)
    assert "Nothing was written." in page.content.decode()
    assert not Responder.objects.exists()
    for run in ("", "0", "999", "x"):
        answer = admin_client.post(url(profile.connection, "review"), {"do": "start", "run": run})
        assert answer.headers["Location"] == url(profile.connection, "review")
    assert SyncProfile.objects.get().setup_step == "review"


def test_going_back_keeps_everything(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    connection = profile.connection
    assert "checked" in admin_client.get(url(connection, "import")).content.decode()
    shown = admin_client.get(url(connection, "people")).context["shown"]
    assert {bucket.name for bucket in shown.buckets if bucket.count} == {"leave"}
    admin_client.post(url(connection, "import"), {"scope": "everything", "do": "save"})
    admin_client.post(url(connection, "people"), {"do": "continue"})
    assert SyncProfile.objects.get().setup_step == "review"
    assert SyncRun.objects.filter(kind=RunKind.PLAN).count() == 1


def test_another_selection_cancels_the_plan_and_makes_another(admin_client: Client, simulator: Simulator) -> None:
    connection = connect_by_pages(admin_client)
    admin_client.post(url(connection, "import"), {"scope": "everything", "do": "save"})
    service = next(node for node in inventory.inventory_of(connection) if node.entity_type == "service")
    admin_client.post(url(connection, "import"), {"scope": "chosen", "chosen": f"service:{service.external_id}"})
    first, second = SyncRun.objects.order_by("pk")
    assert (first.state, second.state) == (RunState.CANCELLED, RunState.QUEUED)
    assert second.scope == {"selection": SyncProfile.objects.get().selection}


def test_an_import_that_was_started_elsewhere_ends_the_setup(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    plan = SyncRun.objects.get(kind=RunKind.PLAN)
    admin_client.post(reverse("admin:syncjobs_syncrun_apply", args=[plan.pk]))
    work()
    assert "The import has run already" in admin_client.get(url(profile.connection, "review")).content.decode()
    admin_client.post(url(profile.connection, "review"), {"do": "finish"})
    assert SyncProfile.objects.get().setup_step == ""


def test_a_connection_that_is_disconnected_in_the_setup_reads_nothing(
    admin_client: Client, simulator: Simulator
) -> None:
    profile = walk_to(admin_client, "review")
    disconnect(profile.connection)
    page = admin_client.get(url(profile.connection, "import"))
    assert page.status_code == 200
    assert admin_client.get(url(profile.connection, "people")).status_code == 200
    assert admin_client.get(url(profile.connection, "review")).status_code == 200
    plan = SyncRun.objects.get(kind=RunKind.PLAN)
    admin_client.post(url(profile.connection, "review"), {"do": "start", "run": plan.pk})
    assert not Responder.objects.exists()


@pytest.mark.parametrize("step", ["people", "review"])
def test_a_step_without_a_plan_says_that_the_source_was_disconnected(
    sync: Sync, admin_client: Client, step: str
) -> None:
    sync.plan()
    in_setup(sync, step)
    disconnect(sync.connection)
    page = admin_client.get(url(sync.connection, step)).content.decode()
    assert "is disconnected. Enter its key again" in page
    assert url(sync.connection, "key") in page
    assert "Read the source and plan" not in page
