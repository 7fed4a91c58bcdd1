"""What does not follow the source: the page, the shell, what the next sync does after a release, and marks in lists."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.closure import Node, Selection
from connectors.records import ENTITY_TYPES, SourceService
from oncall.models import ChangeRecord, Responder, Role, Schedule, Service, User, UserGroup
from oncall.operations import delete
from oncall.tables.kinds import ROOTS
from syncjobs.admin.following.marks import MARKS
from syncjobs.models import ExternalLink, LinkState, Rule, RunState, SyncProfile
from syncjobs.setup import inventory
from syncjobs.setup.erasing import ERASED
from syncjobs.setup.not_followed import PARTS, add_to_selection, counts_of, ignore_new, new_objects, release
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries
from tests.syncjobs.admin.test_answers import client_with
from tests.syncjobs.conftest import BY, Sync, contents, edit
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db
NODES = (
    Node("service", "V1", "Checkout", (("escalation_policy", "P1"),)),
    Node("escalation_policy", "P1", "Default", (("schedule", "S1"), ("responder", "U3"))),
    Node("schedule", "S1", "Primary", (("responder", "U1"), ("responder", "U2"))),
    Node("schedule", "S9", "Nights", (("responder", "U1"),)),
    Node("user_group", "T9", HOSTILE),
)


def url(sync: Sync, part: str = "detached") -> str:
    return f"{reverse('admin:connectors_connection_following', args=[sync.connection.pk])}?part={part}"


def text(client: Client, sync: Sync, part: str) -> str:
    return client.get(url(sync, part)).content.decode()


def link(external_id: str) -> ExternalLink:
    return ExternalLink.objects.get(external_id=external_id)


def choose(sync: Sync, *keys: Any) -> None:
    SyncProfile.objects.update(selection=Selection(False, frozenset(keys)).to_json())
    sync.profile.refresh_from_db()


@pytest.fixture
def listed(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """A connection that imports one schedule, with a source whose list was read."""
    sync.run()
    choose(sync, ("schedule", "S1"))

    class Listing:
        calls = 1

        def inventory(self) -> tuple[Node, ...]:
            return NODES

    monkeypatch.setattr(inventory, "open_connector", lambda connection, **more: Listing())
    return sync


# --- releasing --------------------------------------------------------------------------------------------------------


def test_a_released_object_that_was_deleted_here_is_created_by_the_next_sync(sync: Sync, admin_client: Client) -> None:
    sync.run()
    delete("service", [Service.objects.get().pk], by=BY)
    sync.source.change(services=(SourceService("V1", "Shop", policy_id="P1", group_id="T1"),))
    sync.run()
    assert link("V1").state == LinkState.IGNORED
    page = text(admin_client, sync, "ignored")
    assert "deleted here; it stays deleted" in page
    admin_client.post(url(sync, "ignored"), {"do": "release", "key": "service:V1"})
    record = ChangeRecord.objects.get(model="link")
    assert (record.label, record.changes) == ("service V1 of acme", {"state": ["ignored", None]})
    assert sync.run().state == RunState.SUCCEEDED
    assert (Service.objects.get().name, link("V1").state) == ("Shop", LinkState.LINKED)
    assert sync.run().items.count() == 0


def test_a_released_object_that_has_a_row_is_linked_again_by_the_next_sync(sync: Sync) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="S1").update(state=LinkState.IGNORED, ignored_reason="merged")
    before = Schedule.objects.values().get()
    sync.run()
    assert link("S1").state == LinkState.IGNORED
    assert release(sync.connection, [("schedule", "S1")], None) == [("schedule", "S1")]
    assert release(sync.connection, [("schedule", "S1")], None) == []  # it is not ignored any more
    assert sync.run().state == RunState.SUCCEEDED
    assert link("S1").state == LinkState.LINKED
    assert Schedule.objects.values().get() == before
    assert sync.run().items.count() == 0


def test_the_link_of_an_erased_person_is_never_released(sync: Sync, admin_client: Client) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="U1").update(state=LinkState.IGNORED, ignored_reason=ERASED)
    assert 'value="responder:U1"' not in text(admin_client, sync, "ignored")
    assert release(sync.connection, [("responder", "U1")], None) == []
    assert link("U1").state == LinkState.IGNORED


def pinned(sync: Sync) -> None:
    """Two fields of the group were edited here and at the source, and are kept here."""
    sync.run()
    edit("user_group", UserGroup.objects.get(), name="Ours", description="ours")
    group = sync.source.snapshot.teams[0]
    ExternalLink.objects.filter(external_id="T1").update(pins={"name": "local", "description": "ask"})
    sync.source.change(teams=(type(group)("T1", "Theirs", description="theirs", members=group.members),))


def test_a_released_pin_lets_the_next_sync_compare_its_field_again(sync: Sync, admin_client: Client) -> None:
    pinned(sync)
    sync.rules(strategy="source")
    sync.run()
    assert UserGroup.objects.get().name == "Ours"
    page = text(admin_client, sync, "pinned")
    assert "kept here" in page and "asked when the source changes" in page
    admin_client.post(url(sync, "pinned"), {"do": "release", "pin": f"{link('T1').pk}#name"})
    assert link("T1").pins == {"description": "ask"}
    assert ChangeRecord.objects.get(model="link").changes == {"pins.name": ["local", None]}
    sync.run()
    group = UserGroup.objects.get()
    assert (group.name, group.description) == ("Theirs", "ours")


def test_a_release_makes_no_item_stale_but_its_own(sync: Sync) -> None:
    pinned(sync)
    before = {each.pk: each.version for each in ExternalLink.objects.all()}
    release(sync.connection, [("user_group", "T1")], None)
    moved = {each.pk for each in ExternalLink.objects.all() if each.version != before[each.pk]}
    assert moved == {link("T1").pk}
    assert link("T1").pins == {}


# --- the selection ----------------------------------------------------------------------------------------------------


def test_what_is_new_at_the_source_is_listed_added_and_ignored(listed: Sync, admin_client: Client) -> None:
    ExternalLink.objects.filter(external_id="V1").delete()
    assert "is not loaded" in text(admin_client, listed, "new")
    page = admin_client.post(url(listed, "new"), {"do": "read"}).content.decode()
    assert "The list of the source was read just now." in page
    assert_harmless(page)
    values = ("schedule:S9", "user_group:T9", "service:V1", "schedule:S1", "escalation_policy:P1")
    assert [f'value="{value}"' in page for value in values] == [
        True,
        True,
        True,
        False,
        False,
    ]  # selected, or linked here
    admin_client.post(url(listed, "new"), {"do": "add", "key": ["schedule:S9", "responder:U1"]})
    profile = SyncProfile.objects.get()
    assert Selection.from_json(profile.selection).chosen == {("schedule", "S1"), ("schedule", "S9")}
    assert ChangeRecord.objects.get(model="connection").changes == {"selection.schedule:S9": [False, True]}
    admin_client.post(url(listed, "new"), {"do": "ignore", "key": "user_group:T9"})
    rule = Rule.objects.get()
    assert (rule.kind, rule.pattern, rule.choice) == ("ignore_new", "user_group:T9", "ignore")
    profile.connection = listed.connection
    assert [each.value for each in new_objects(profile, NODES)] == ["service:V1"]
    shown = admin_client.get(reverse("admin:syncjobs_rule_change", args=[rule.pk])).content.decode()
    assert "New at the source, not selected: user group T9" in shown
    assert ignore_new(listed.connection, [("user_group", "T9")], None) == []


def test_a_selected_object_that_stood_alone_follows_again(sync: Sync, admin_client: Client) -> None:
    sync.run()
    choose(sync, ("schedule", "S1"))
    ExternalLink.objects.filter(external_id="V1").update(state=LinkState.DETACHED)
    assert 'value="service:V1"' in text(admin_client, sync, "detached")
    admin_client.post(url(sync, "detached"), {"do": "add", "key": "service:V1"})
    sync.profile.refresh_from_db()
    assert ("service", "V1") in Selection.from_json(sync.profile.selection).chosen
    sync.run()
    assert link("V1").state == LinkState.LINKED


def test_everything_needs_no_addition(sync: Sync, admin_client: Client) -> None:
    sync.run()
    assert add_to_selection(sync.profile, [("schedule", "S9")], None) == []
    assert new_objects(sync.profile, NODES) == []
    assert "Everything is selected" in text(admin_client, sync, "new")


# --- the page ---------------------------------------------------------------------------------------------------------


def test_each_part_costs_the_same_for_many_objects(sync: Sync, admin_client: Client) -> None:
    sync.run()

    def costs() -> list[int]:
        return [queries(admin_client, url(sync, part)) for part in PARTS]

    ExternalLink.objects.filter(external_id="U1").update(state=LinkState.IGNORED, pins={"name": "ask"})
    ExternalLink.objects.filter(external_id="V1").update(state=LinkState.DETACHED)
    before = costs()
    ExternalLink.objects.update(state=LinkState.DETACHED, pins={"name": "local"})
    ExternalLink.objects.filter(entity_type="responder").update(state=LinkState.IGNORED)
    assert costs() == before
    assert counts_of(sync.connection) == {"detached": 4, "ignored": 3, "pinned": 7}


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
def test_who_may_only_look_gets_no_button_and_changes_nothing(sync: Sync, role: Role) -> None:
    pinned(sync)
    choose(sync, ("schedule", "S1"))
    ExternalLink.objects.filter(external_id="V1").update(state=LinkState.IGNORED)
    client = client_with(role)
    for part in PARTS:
        page = text(client, sync, part)
        assert not any(f'value="{do}"' in page for do in ("release", "add", "ignore"))
        for do in ("release", "add", "ignore", "", "nonsense"):
            data = {"do": do, "key": ["service:V1", "schedule:S9"], "pin": f"{link('T1').pk}#name"}
            assert client.post(url(sync, part), data).status_code == 403
    assert (link("V1").state, link("T1").pins) == (LinkState.IGNORED, {"name": "local", "description": "ask"})
    assert not Rule.objects.exists()


def test_ticks_that_no_page_sends_change_nothing(sync: Sync, admin_client: Client) -> None:
    sync.run()
    before = list(ExternalLink.objects.order_by("pk").values())
    for value in (
        "",
        ":",
        "service",
        "robot:V1",
        "service:" + "x" * 300,
        "1" * 30 + "#name",
        f"{link('V1').pk}#name",
        "service:V1",
    ):
        answer = admin_client.post(url(sync, "nonsense"), {"do": "release", "key": value, "pin": value}, follow=True)
        assert "Nothing was changed" in answer.content.decode()
    assert list(ExternalLink.objects.order_by("pk").values()) == before


# --- the shell --------------------------------------------------------------------------------------------------------


def test_the_shell_lists_and_releases(sync: Sync) -> None:
    pinned(sync)
    ExternalLink.objects.filter(external_id="S1").update(state=LinkState.IGNORED, ignored_reason="merged")
    listed = {each["external_id"]: each for each in document("links", "acme")["objects"]}
    assert listed.keys() == set(ExternalLink.objects.values_list("external_id", flat=True))
    assert (listed["S1"]["state"], listed["S1"]["reason"], listed["S1"]["label"]) == ("ignored", "merged", "Primary")
    assert listed["T1"]["pins"] == {"name": "local", "description": "ask"}
    found = document("links", "acme", "--release", "user_group:T1", "--path", "name", "--state", "pinned")
    assert (found["released"], found["objects"][0]["pins"]) == (["user_group:T1"], {"description": "ask"})
    code, printed = shell("links", "acme", "--release", "user_group:T1", "schedule:S1", "--state", "ignored")
    assert code == 0
    assert "Released: user_group:T1, schedule:S1." in printed
    assert (link("T1").pins, link("S1").state) == ({}, LinkState.DETACHED)


def test_the_shell_lists_adds_and_ignores_what_is_new(listed: Sync) -> None:
    found = document("links", "acme", "--state", "new")
    assert [(each["external_id"], each["state"]) for each in found["objects"]] == [("T9", "new"), ("S9", "new")]
    found = document("links", "acme", "--add", "schedule:S9", "--ignore", "user_group:T9", "--state", "new")
    assert (found["added"], found["ignored"], found["objects"]) == (["schedule:S9"], ["user_group:T9"], [])
    assert [rule["kind"] for rule in document("rules", "acme")["remembered"]] == ["ignore_new"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nobody"], 64, "There is no connection"),
        (["acme", "--release", "robot:1"], 64, "Types: responder, user_group, schedule, escalation_policy, service"),
        (["acme", "--add", "responder:U1"], 64, "is not TYPE:ID"),
        (["acme", "--path", "name"], 64, "--path needs --release"),
        (["acme", "--state", "odd"], 64, "invalid choice"),
        (["acme", "--release", "schedule:S1", "schedule:S7"], 64, "acme has no link to schedule:S7."),
        (["acme", "--ignore", "schedule:S7", "schedule:S1"], 64, "schedule:S1 is linked here, so it is not new."),
    ],
)
def test_the_shell_says_what_is_wrong(sync: Sync, arguments: list[str], code: int, words: str) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="S1").update(state=LinkState.IGNORED)
    before = contents()
    found, printed = shell("links", *arguments)
    assert (found, words in printed, contents()) == (code, True, before), printed


def test_the_shell_checks_the_rights_of_an_account(sync: Sync) -> None:
    client_with(Role.OPERATOR)
    email = User.objects.latest("pk").email
    code, printed = shell("links", "acme", "--release", "schedule:S1", "--by", email)
    assert (code, "Only an administrator" in printed) == (1, True)


# --- marks in lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENTITY_TYPES)
def test_each_list_marks_and_filters_what_differs_from_its_source(sync: Sync, admin_client: Client, kind: Any) -> None:
    sync.run()
    model = ROOTS[kind].rows.model
    opts = model._meta
    listing = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    row = model._default_manager.order_by("pk")[0]
    links = ExternalLink.objects.filter(**{kind: row.pk})
    before = queries(admin_client, listing)

    def marked() -> set[str]:
        page = admin_client.get(listing).content.decode()
        found = {name for name, (_, _, sentence) in MARKS.items() if sentence in page}
        for name in MARKS:
            filtered = admin_client.get(listing, {"following": name})
            ids = [each.pk for each in filtered.context["cl"].result_list]
            assert ids == ([row.pk] if name in found else []), name
        return found

    assert marked() == set()
    edit(kind, row, name="Edited")
    assert marked() == {"changed"}
    links.update(missing_count=1)
    assert marked() == {"changed", "missing"}
    links.update(missing_count=2)
    assert marked() == {"changed", "gone"}
    links.update(state=LinkState.DETACHED)
    assert marked() == {"former"}
    assert queries(admin_client, listing) == before


def test_a_row_of_two_sources_is_changed_only_if_no_sync_knows_its_version(sync: Sync, admin_client: Client) -> None:
    sync.run()
    other = Sync("other")
    other.run()
    shared = Responder.objects.filter(links__connection=other.connection, name="Ana").first()
    assert shared is not None and shared.links.count() == 2
    listing = reverse("admin:oncall_responder_changelist")
    found = admin_client.get(listing, {"following": "changed"}).context["cl"].result_list
    assert list(found) == []
