"""The columns of the lists. More rows need no more queries."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall.models import Schedule, User
from oncall.operations import Actor, create_account, grant_lead, link_account
from oncall.rendering.spec import INACTIVE

MakeRow = Callable[..., int]
LISTS = ("responder", "usergroup", "schedule", "escalationpolicy", "service", "user", "changerecord")


@pytest.fixture
def populate(
    make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any], one_level: Callable[..., Any]
) -> Callable[[int], None]:
    made = iter(range(1_000))

    def add(count: int) -> None:
        for n in (next(made) for _ in range(count)):
            account = create_account(f"p{n}@example.com", by=tester)
            person = make("responder", name=f"Person {n}")
            link_account(person, account.pk, tester)
            member = {"person_key": f"local:{person}", "role": ""}
            group = make("user_group", {"members": {"local:+": member}}, name=f"Group {n}")
            grant_lead(account.pk, group, tester)
            layers = weekly_layers(f"person:local:{person}", f"group:local:{group}")
            schedule = make("schedule", name=f"Schedule {n}", layers=layers, group_keys=[f"local:{group}"])
            levels = one_level(("schedule", f"local:{schedule}"))
            policy = make("escalation_policy", name=f"Policy {n}", levels=levels, group_key=f"local:{group}")
            make("service", name=f"Service {n}", policy_key=f"local:{policy}", group_key=f"local:{group}")

    return add


@pytest.mark.parametrize("model", LISTS)
def test_a_list_runs_as_many_queries_for_50_rows_as_for_5(
    model: str, browser: Client, populate: Callable[[int], None]
) -> None:
    url = reverse(f"admin:oncall_{model}_changelist")
    browser.get(url)  # content types are looked up once per process
    counts = []
    for more in (5, 45):
        populate(more)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = browser.get(url)
        assert response.status_code == 200
        assert len(response.context["cl"].result_list) >= more
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12, counts


@time_machine.travel("2026-03-03T12:00:00Z", tick=False)
def test_the_schedule_list_shows_who_is_on_call_until_when_and_who_follows(
    browser: Client, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    make("schedule", name="Primary", layers=weekly_layers(f"person:local:{ana}", f"person:local:{ben}"))
    make("schedule", name="Empty")
    make("schedule", name="Off", layers=weekly_layers(f"person:local:{make('responder', name='Olga')}"), active=False)
    make("schedule", name="Lost", zone_state="unknown", time_zone="", active=False)
    make("schedule", name="Both", composition="concurrent", layers=weekly_layers(f"person:local:{ana}", "person:3:P"))
    Schedule.objects.filter(pk=make("schedule", name="Old")).update(layers={"format": 0})
    page = browser.get(reverse("admin:oncall_schedule_changelist")).content.decode()
    assert '<span class="rb-who"><strong>Ana</strong> until Mon 09:00 CET, 5 d 20 h' in page
    for words in ("Ben", "nobody", f"{INACTIVE} Its time zone is not settled.", "tored in format 0"):
        assert words in page
    assert page.count(INACTIVE) == 2
    assert "Olga" not in page


def test_lists_are_searched_and_filtered(browser: Client, make: MakeRow, tester: Actor) -> None:
    from oncall.aggregates import Draft
    from oncall.operations import write

    make("service", name="Here")
    write("service", [Draft({"name": "There", "active": False}, origin="PagerDuty acme")], by=tester)
    url = reverse("admin:oncall_service_changelist")
    for query, names in (
        ("?q=here", {"Here", "There"}),
        ("?q=ther", {"There"}),
        ("?source=-", {"Here"}),
        ("?source=PagerDuty+acme", {"There"}),
        ("?active__exact=1", {"Here"}),
    ):
        rows = browser.get(url + query).context["cl"].result_list
        assert {row.name for row in rows} == names, query
    assert "PagerDuty acme" in browser.get(url).content.decode()


def test_columns_with_numbers_count_only_for_the_page_and_can_be_sorted(browser: Client, make: MakeRow) -> None:
    for name, services in (("Busy", 2), ("Idle", 0), ("Lone", 1)):
        policy = make("escalation_policy", name=name)
        for number in range(services):
            make("service", name=f"{name} {number}", policy_key=f"local:{policy}")
    person = make("responder", name="Ana")
    seats = [f"local:{person}", f"local:{person}", "3:UNKNOWN"]
    members = {f"local:+{seat}": {"person_key": key, "role": ""} for seat, key in enumerate(seats)}
    make("user_group", {"members": members}, name="Two people")
    make("user_group", name="Nobody")
    by_services, by_members = (
        reverse(f"admin:oncall_{model}_changelist") + f"?o=-{column}"
        for model, column in (("escalationpolicy", 4), ("usergroup", 2))
    )
    with CaptureQueriesContext(connection) as queries:
        policies = browser.get(by_services).context["cl"].result_list
        groups = browser.get(by_members).context["cl"].result_list
    assert [(row.name, row.service_number) for row in policies] == [("Busy", 2), ("Lone", 1), ("Idle", 0)]
    assert [(row.name, row.people) for row in groups] == [("Two people", 2), ("Nobody", 0)]
    totals = [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT(*)")]
    assert len(totals) == 2
    assert not any("GROUP BY" in sql for sql in totals)


def test_rows_are_deactivated_and_deleted_by_the_operations(browser: Client, make: MakeRow, tester: Actor) -> None:
    from oncall.models import ChangeRecord, Service

    used, free = make("escalation_policy", name="Used"), make("service", name="Free")
    make("service", name="User", policy_key=f"local:{used}")
    url = reverse("admin:oncall_service_changelist")
    for action, active in (("deactivate_selected", False), ("reactivate_selected", True)):
        browser.post(url, {"action": action, "_selected_action": [free]})
        assert Service.objects.get(pk=free).active is active
    browser.post(url, {"action": "delete_selected", "_selected_action": [free], "post": "yes"})
    assert list(Service.objects.values_list("name", flat=True)) == ["User"]
    account = User.objects.get().pk
    causes = ChangeRecord.objects.filter(object_id=free, model="service").values_list("cause", "action")
    assert list(causes[1:]) == [(f"account:{account}", each) for each in ("update", "update", "delete")]


def test_selected_rows_in_use_are_kept_and_reported(
    browser: Client, make: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oncall.admin.policy.list import EscalationPolicyAdmin
    from oncall.models import EscalationPolicy

    used = make("escalation_policy", name="Used")
    make("service", name="Shop", policy_key=f"local:{used}")
    monkeypatch.setattr(EscalationPolicyAdmin, "get_deleted_objects", lambda *args: ([], {}, set(), []))
    action = {"action": "delete_selected", "_selected_action": [used], "post": "yes"}
    page = browser.post(reverse("admin:oncall_escalationpolicy_changelist"), action, follow=True).content.decode()
    assert "Used is in use by service Shop. Deactivate instead of deleting." in page
    assert EscalationPolicy.objects.filter(pk=used).exists()


def test_a_schedule_is_found_by_the_people_in_it(
    browser: Client, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    ana = make("responder", name="Ana")
    make("schedule", name="Hers", layers=weekly_layers(f"person:local:{ana}", f"person:local:{ana}"))
    make("schedule", name="Other")
    rows = browser.get(reverse("admin:oncall_schedule_changelist") + "?q=ana").context["cl"].result_list
    assert [row.name for row in rows] == ["Hers"]
