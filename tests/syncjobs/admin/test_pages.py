"""Every address of the admin: its title, the file of its own tests, and how many queries it costs.

A new address fails here until it has an entry.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from connectors.records import SourceMember, SourceService, SourceTeam
from oncall.escalation.policy import Target
from oncall.models import User
from syncjobs.models import Rule, SyncRun
from syncjobs.setup.drafts import begin_draft
from tests.paths import REPOSITORY
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import Sync, layer, policy, schedule, user

AGGREGATE = "tests/oncall/admin/base/test_aggregate.py"
LISTS = "tests/oncall/admin/test_lists.py"
CARDS = "tests/oncall/admin/forms/test_cards.py"
ACCOUNTS = "tests/oncall/admin/test_account_forms.py"
POLICY = "tests/oncall/admin/policy/test_page.py"
SCHEDULE = "tests/oncall/admin/schedule/test_page.py"
CONNECTION_FORM = "tests/connectors/admin/test_connections.py"
CONNECTIONS = "tests/syncjobs/admin/test_connections.py"
SELECTION = "tests/syncjobs/admin/test_selection.py"
CONNECT = "tests/syncjobs/source/test_connect.py"
SETUP = "tests/syncjobs/source/test_setup.py"
SOURCE = "tests/syncjobs/source/test_overview.py"
SOURCE_RULES = "tests/syncjobs/source/test_rules.py"
RUNS = "tests/syncjobs/admin/test_runs.py"
RUN_PAGE = "tests/syncjobs/admin/test_run_page.py"
CONFLICTS = "tests/syncjobs/admin/test_conflicts.py"
NAMES = "tests/oncall/admin/forms/test_names.py"
UNDO = "tests/syncjobs/admin/test_undo.py"
RULES = "tests/syncjobs/admin/test_rules.py"
IMPACT = "tests/syncjobs/admin/test_impact.py"
ANSWERS = "tests/syncjobs/admin/test_answers.py"
KEYS = "tests/syncjobs/admin/test_keys.py"
NOT_FOLLOWED = "tests/syncjobs/admin/test_not_followed.py"
AUTOMATIC = "tests/syncjobs/admin/test_automatic.py"
AFTER_IMPORT = "tests/syncjobs/admin/test_after_import.py"
NAVIGATION = "tests/config/test_navigation.py"


@dataclass(frozen=True, slots=True)
class Page:
    """tests: the file with the page's own tests. queries: the most that the page may cost. title: False for a fragment
    that another page loads. slack: by how many queries it may differ with other objects, whatever their number."""

    tests: str
    queries: int
    title: bool = True
    slack: int = 0


#: Pages that are read, by the name of their address.
PAGES: Mapping[str, Page] = {
    "index": Page(CONNECTIONS, 13),
    "badges": Page(NAVIGATION, 10, title=False),
    "app_list": Page(NAVIGATION, 2),
    "oncall_user_changelist": Page(LISTS, 10),
    "oncall_user_add": Page(ACCOUNTS, 10),
    "oncall_user_change": Page(ACCOUNTS, 10),
    "oncall_user_delete": Page(ACCOUNTS, 12),
    "oncall_changerecord_changelist": Page(LISTS, 10),
    "oncall_changerecord_change": Page(ACCOUNTS, 10),
    "oncall_service_changelist": Page(LISTS, 10),
    "oncall_service_add": Page(AGGREGATE, 10),
    "oncall_service_change": Page(AGGREGATE, 10),
    "oncall_service_delete": Page(LISTS, 12),
    "oncall_usergroup_changelist": Page(LISTS, 10),
    "oncall_usergroup_add": Page(AGGREGATE, 10),
    "oncall_usergroup_change": Page(AGGREGATE, 10),
    "oncall_usergroup_delete": Page(LISTS, 13),
    "oncall_responder_changelist": Page(LISTS, 10),
    "oncall_responder_add": Page(AGGREGATE, 10),
    "oncall_responder_change": Page(AGGREGATE, 10),
    "oncall_responder_delete": Page(AGGREGATE, 16),
    "oncall_responder_names": Page(NAMES, 4, title=False),
    "oncall_escalationpolicy_changelist": Page(LISTS, 10),
    "oncall_escalationpolicy_add": Page(CARDS, 10),
    "oncall_escalationpolicy_change": Page(CARDS, 10),
    "oncall_escalationpolicy_delete": Page(LISTS, 12),
    "oncall_escalationpolicy_page": Page(POLICY, 17),
    "oncall_schedule_changelist": Page(LISTS, 12),
    "oncall_schedule_add": Page(CARDS, 10),
    "oncall_schedule_change": Page(CARDS, 10),
    "oncall_schedule_delete": Page(LISTS, 12),
    "oncall_schedule_page": Page(SCHEDULE, 11),
    "connectors_connection_changelist": Page(CONNECTIONS, 12),
    "connectors_connection_add": Page(CONNECT, 10),
    "connectors_connection_connect": Page(CONNECT, 10),
    "connectors_connection_change": Page(CONNECTION_FORM, 12),
    "connectors_connection_history": Page(CONNECTION_FORM, 10),
    "connectors_connection_import": Page(SELECTION, 10),
    "connectors_connection_people": Page(SETUP, 10),
    "connectors_connection_rules": Page(SOURCE_RULES, 10),
    "connectors_connection_key": Page(KEYS, 10),
    "connectors_connection_following": Page(NOT_FOLLOWED, 10),
    "syncjobs_syncrun_changelist": Page(RUNS, 10),
    "syncjobs_syncrun_change": Page(RUNS, 10),  # three of them name people and objects
    "syncjobs_syncrun_history": Page(RUNS, 10),
    # It carries out the undo and rolls it back. Which tables it writes depends on what the run created.
    "syncjobs_syncrun_undo": Page(UNDO, 180, slack=4),
    "syncjobs_syncrun_item": Page(RUNS, 10),
    "syncjobs_syncrun_export": Page(RUN_PAGE, 10, title=False),
    "syncjobs_syncrun_progress": Page(RUNS, 10, title=False),
    "syncjobs_conflict_changelist": Page(CONFLICTS, 15),
    "syncjobs_conflict_change": Page(CONFLICTS, 24),
    "syncjobs_conflict_people": Page(ANSWERS, 10, title=False),
    "syncjobs_conflict_history": Page(CONFLICTS, 10),
    "syncjobs_rule_changelist": Page(RULES, 10),
    "syncjobs_rule_change": Page(RULES, 14),
    "syncjobs_rule_delete": Page(RULES, 10),
    "syncjobs_syncprofile_changelist": Page(AUTOMATIC, 10),
    "syncjobs_syncprofile_change": Page(AUTOMATIC, 10),
    "syncjobs_syncprofile_after": Page(AFTER_IMPORT, 30),
    "syncjobs_syncprofile_people": Page(AFTER_IMPORT, 10),
    "syncjobs_syncprofile_services": Page(AFTER_IMPORT, 12),
    "syncjobs_syncprofile_history": Page(AUTOMATIC, 10),
}
#: Addresses that only a button uses, with the file of their tests: GET is answered with 405.
BUTTONS: Mapping[str, str] = {
    "connectors_connection_plan": CONNECTIONS,
    "connectors_connection_sync": CONNECTIONS,
    "connectors_connection_disconnect": CONNECTIONS,
    "connectors_connection_pause": SOURCE,
    "connectors_connection_inventory": SELECTION,
    "connectors_connection_test": CONNECTION_FORM,
    "syncjobs_rule_switch": RULES,
    "syncjobs_syncrun_apply": RUNS,
    "syncjobs_syncrun_cancel": RUNS,
    "syncjobs_syncrun_again": RUNS,
    "syncjobs_syncrun_sync_item": RUNS,
    "syncjobs_syncrun_ticks": RUNS,
    "syncjobs_syncrun_impact": IMPACT,
}
#: Addresses that lead elsewhere: those of Django's admin to the change records, and the review of a source that is set
#: up to its page.
REDIRECTED = (
    "connectors_connection_review",
    "syncjobs_rule_history",
    *(
        f"oncall_{model}_history"
        for model in ("user", "service", "usergroup", "responder", "escalationpolicy", "schedule", "changerecord")
    ),
)
#: Addresses of Django's admin that are refused to everybody.
REFUSED = (
    "connectors_connection_delete",
    *(f"oncall_changerecord_{page}" for page in ("add", "delete")),
    "syncjobs_rule_add",
    *(f"syncjobs_conflict_{page}" for page in ("add", "delete")),
    *(f"syncjobs_syncrun_{page}" for page in ("add", "delete")),
    *(f"syncjobs_syncprofile_{page}" for page in ("add", "delete")),
)
#: Addresses that Django and Unfold bring along, the models of other packages, the pages of ``oncall.admin.logins``, and
#: the password reset, whose tests are in tests/oncall/admin/everybody, and invitations (tests/syncjobs/invitations).
FOREIGN = re.compile(
    r"account_(logins|confirm)|auth_.*|login|logout|password_change(_done)?|autocomplete|jsi18n|"
    r"search|view_on_site|admin_password_reset|password_reset_.*|(syncjobs_)?invitation(_.*)?"
)


def named(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from named(pattern.url_patterns)
        elif pattern.name:
            yield pattern


ADDRESSES = {str(each.name): each for each in named(get_resolver().url_patterns) if not FOREIGN.fullmatch(each.name)}


def test_every_address_has_an_entry() -> None:
    assert set(ADDRESSES) == {*PAGES, *BUTTONS, *REDIRECTED, *REFUSED}


@pytest.mark.parametrize("name", [*PAGES, *BUTTONS])
def test_a_page_has_tests_of_its_own(name: str) -> None:
    file = BUTTONS[name] if name in BUTTONS else PAGES[name].tests
    model, _, page = name.rpartition("_")
    of_site, of_django = name in ("index", "app_list"), page in ("changelist", "add", "change", "delete", "history")
    word = "admin" if of_site else model.rpartition("_")[2] if of_django else page
    assert re.search(rf"(?<![a-z]){word}(?![a-z])", (REPOSITORY / file).read_text()), f"{word} is not in {file}"


def many(sync: Sync) -> None:
    """Adds twenty objects of every kind to the source."""
    read = sync.source.snapshot
    numbers = range(20)
    sync.source.change(
        users=(*read.users, *(user(f"UX{n}", f"Person{n}") for n in numbers)),
        teams=(*read.teams, *(SourceTeam(f"TX{n}", f"Team {n}", "", (SourceMember(f"UX{n}", ""),)) for n in numbers)),
        schedules=(*read.schedules, *(schedule(f"SX{n}", f"Schedule {n}", layer(f"UX{n}", "U1")) for n in numbers)),
        policies=(*read.policies, *(policy(f"PX{n}", f"Policy {n}", Target("schedule", f"SX{n}")) for n in numbers)),
        services=(*read.services, *(SourceService(f"VX{n}", f"Service {n}", policy_id=f"PX{n}") for n in numbers)),
    )


def address(name: str, run: SyncRun) -> str:
    """The address with the first row of its model, and with this run."""
    pattern = ADDRESSES[name]
    model = next(
        (each for each in apps.get_models() if name.startswith(f"{each._meta.label_lower.replace('.', '_')}_")), None
    )
    row = None if model is None else model._default_manager.order_by("pk").first()
    values = {
        "object_id": row and row.pk,
        "pk": row and row.pk,
        "run_id": run.pk,
        "item_id": getattr(run.items.first(), "pk", None),
        "uid": name.endswith("_connect") and begin_draft("pagerduty", User.objects.order_by("pk")[0]).uid,
    }
    if name == "app_list":
        return reverse("admin:app_list", args=["oncall"])
    if name == "badges":
        return reverse(name)
    return reverse(f"admin:{name}", kwargs={key: values[key] for key in pattern.pattern.converters})


def cost(client: Client, name: str, run: SyncRun) -> int:
    """The number of queries of a page that is opened for the second time. The first time fills Django's caches."""
    url, page = address(name, run), PAGES[name]
    client.get(url)
    with CaptureQueriesContext(database) as captured:
        answer = client.get(url)
    assert answer.status_code in (200, 286), name  # 286 ends the polling of a fragment
    assert not page.title or answer.context["title"], f"{name} has no title"
    return len(captured)


@pytest.fixture
def rule(sync: Sync) -> Rule:
    return Rule.objects.create(
        connection=sync.connection, kind="user_not_found", pattern="*", choice="leave", made_at=timezone.now()
    )


@pytest.mark.usefixtures("rule")
def test_every_page_has_a_title_and_costs_the_same_however_much_there_is(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    few = {name: cost(admin_client, name, run) for name in PAGES}
    many(sync)
    run = sync.run()
    many_cost = {name: cost(admin_client, name, run) for name in PAGES}
    assert {name: n for name, n in many_cost.items() if abs(n - few[name]) > PAGES[name].slack} == {}
    assert {name: queries for name, queries in few.items() if queries > PAGES[name].queries} == {}


@pytest.mark.usefixtures("rule")
@pytest.mark.parametrize("names,status", [(BUTTONS, 405), (REDIRECTED, 302), (REFUSED, 403)])
def test_the_other_addresses_show_nothing(sync: Sync, admin_client: Client, names: Any, status: int) -> None:
    run = sync.run()
    assert {name: admin_client.get(address(name, run)).status_code for name in names} == dict.fromkeys(names, status)


@pytest.mark.usefixtures("rule")
def test_a_page_is_refused_to_somebody_without_rights(sync: Sync) -> None:
    run, visitor = sync.run(), staff()
    names = {*PAGES, *BUTTONS} - {"index", "app_list", "badges"}
    open_to_all = {name for name in names if visitor.get(address(name, run)).status_code not in (403, 405)}
    assert open_to_all == set()
    assert {visitor.post(address(name, run)).status_code for name in BUTTONS} == {403}
