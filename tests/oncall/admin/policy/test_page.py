"""The page of one escalation policy."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import F, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall.admin.policy.list import page_url
from oncall.models import EscalationPolicy, Reference, UserGroup
from oncall.operations import Actor, create_account, deactivate, fill_references, link_account

MakeRow = Callable[..., int]
NOW = "2026-03-24T12:00:00Z"  # a Tuesday


def level(wait: int | None, *targets: dict[str, Any], distribution: str = "everyone") -> dict[str, Any]:
    return {"wait": wait, "distribution": distribution, "targets": list(targets)}


def target(kind: str, row: int | str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": f"local:{row}" if isinstance(row, int) else row, **more}


def levels(*each: dict[str, Any]) -> dict[str, Any]:
    return {"format": 1, "levels": list(each)}


@pytest.fixture
def busy(make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any]) -> int:
    """Creates a policy with every kind of target, also inactive and unknown targets, and policies inside it."""
    ana, ben, cleo = (make("responder", name=name) for name in ("Ana Kowalski", "Ben Ode", "Cleo"))
    deactivate("responder", [ben], tester)
    weekly = make("schedule", name="Primary", layers=weekly_layers(f"person:local:{ana}", f"person:local:{cleo}"))
    members = {f"local:+{who}": {"person_key": f"local:{who}", "role": ""} for who in (ana, cleo)}
    members["3:T:U"] = {"person_key": "3:PGONE", "role": "admin"}
    group = make("user_group", {"members": members}, name="Payments")
    away = {"starts_at": NOW, "ends_at": "2026-03-25T12:00:00Z", "scope": None}
    dan = make("responder", {"substitutions": {"local:+": {**away, "by_key": f"person:local:{ana}"}}}, name="Dan")
    off = make("escalation_policy", name="Off", levels=levels(level(5, target("responder", ana))), active=False)
    part = make(
        "escalation_policy", name="Night", initial_wait=3, levels=levels(level(None, target("responder", cleo)))
    )
    policy = make(
        "escalation_policy",
        name="Payments",
        levels=levels(
            level(5, target("schedule", weekly), target("responder", ben)),
            level(5, target("schedule", weekly, mode="next"), target("user_group", group), distribution="round_robin"),
            level(20, target("escalation_policy", part), target("responder", dan), target("escalation_policy", off)),
            level(
                10,
                target("user_group", group, members="leads"),
                target("user_group", group, members="random", condition="not_closed"),
                target("group_routing", group),
                target("unresolved", "dev-1", label="Pager <b>7</b>", unresolved_kind="device"),
                target("schedule", "3:SLOST", label="Lost"),
            ),
            level(15, target("responder", ben)),
        ),
        repeat_count=1,
        after_last="close",
    )
    make("service", name="Checkout", policy_key=f"local:{policy}")
    return policy


def shown(browser: Client, pk: int, query: str = "") -> str:
    response = browser.get(page_url(pk) + query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@time_machine.travel(NOW, tick=False)
def test_the_ladder_shows_minutes_people_and_problems(browser: Client, busy: int) -> None:
    page = shown(browser, busy)
    for words in (
        "An alert at Tue 24 Mar 13:00 CET",
        "<strong>T+0</strong>", "<strong>T+5</strong>", "<strong>T+10</strong>", "<strong>T+30</strong>",
        "wait 5 min", "wait 20 min",
        'Primary</a> <span aria-hidden="true">→</span> <strong>Cleo</strong>',
        'Ben Ode</a> <span class="rb-unsure">(cannot be reached)</span>',
        "one of them, in turn", "next on call",
        "Night</a>", "<strong>T+13</strong>",
        '<strong>Ana Kowalski</strong> <span class="rb-muted">(replaces Dan)</span>',
        "This policy is inactive: nobody is paged.",
        '3:PGONE (not known here) <span class="rb-unsure">(cannot be reached)</span>',
        "<strong>Ana Kowalski</strong> or <strong>Cleo</strong> or 3:PGONE", "until closed",
        "routing depends on the alert",
        "<s>Pager &lt;b&gt;7&lt;/b&gt;</s>", "device</span>", "It is not known here: import it",
        "<s>Lost</s>", "It is not known here or cannot be read, so who is paged cannot be determined.",
        "the next level starts at once",
        "Round 2 from <strong>T+40</strong>", "Repeats 1 time.", "The alert is closed.",
        "Checkout", "When each level starts", "Europe/Berlin",
        "<td>T+13</td><td>Cleo</td><td>Tue 13:13 CET</td><td>Night › level 1</td>",
        "<td>T+5</td><td>Ana Kowalski or Cleo</td><td>Tue 13:05 CET</td><td>level 2</td>",
        "<td>level 1 › round 2</td>",
    ):  # fmt: skip
        assert words in page, words


@time_machine.travel(NOW, tick=False)
def test_a_pause_before_the_next_round_is_shown(browser: Client, make: MakeRow, tester: Actor) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    deactivate("responder", [ben], tester)
    steps = [level(5, target("responder", ana)), *(level(15, target("responder", ben)) for _ in range(2))]
    policy = make("escalation_policy", levels=levels(*steps), repeat_count=1, unstaffed_level="skip_within_round")
    page = shown(browser, policy)
    assert "<dt>A level with nobody</dt><dd>Skip it, except for the wait before the next round</dd>" in page
    assert "Round 2 from <strong>T+20</strong>" in page
    first, later = page.split("Round 2 from")
    assert first.count("No one is reachable; the wait continues.") == first.count("wait 15 min") == 1
    assert first.count("No one is reachable; the next level starts at once.") == 1
    later = later.partition("Repeats 1 time.")[0]
    assert "the wait continues" not in later
    assert "wait 15 min" not in later
    assert later.count("No one is reachable; the next level starts at once.") == 2
    assert "<strong>T+25</strong>" in page.partition("Repeats 1 time.")[2]


@time_machine.travel(NOW, tick=False)
def test_a_policy_inside_is_folded_only_if_nobody_is_there(browser: Client, make: MakeRow, tester: Actor) -> None:
    ana, ben = make("responder", name="Ana"), make("responder", name="Ben")
    deactivate("responder", [ben], tester)
    day, night = (
        make("escalation_policy", name=name, levels=levels(level(5, target("responder", who)), level(None)))
        for name, who in (("Day", ana), ("Night", ben))
    )
    both = make(
        "escalation_policy",
        name="Both",
        levels=levels(level(None, target("escalation_policy", day), target("escalation_policy", night))),
    )
    page = shown(browser, both)
    folded = page.partition('<summary class="rb-unsure">Nobody is reachable from Tue 12:00 UTC on.</summary>')
    assert folded[1] and page.count("Nobody is reachable from") == 1
    assert "<strong>Ana</strong>" not in folded[2].partition("</details>")[0]
    assert "Ben</a>" in folded[2].partition("</details>")[0]


@time_machine.travel(NOW, tick=False)
def test_an_instant_and_an_acknowledgement_are_simulated(browser: Client, busy: int) -> None:
    page = shown(browser, busy, "?at=2026-04-01T09:30&zone=Europe/Berlin&ack=10")
    assert "An alert at Wed 1 Apr 09:30 CEST, acknowledged at T+10" in page
    assert 'Primary</a> <span aria-hidden="true">→</span> <strong>Ana Kowalski</strong>' in page
    assert "Not paged: acknowledged by then." in page
    assert "Acknowledged by then: nobody is paged." in page
    assert "<td>T+13</td>" not in page
    assert "<td>T+30</td><td>Ana Kowalski or Cleo</td>" in page  # until closed
    for query in ("?at=soon&ack=never&zone=Nowhere", "?at=9999-01-01T00:00&ack=-1", "?ack=99999999999", "?ack=²"):
        assert "An alert at Tue 24 Mar 13:00 CET<" in shown(browser, busy, query)


@time_machine.travel(NOW, tick=False)
def test_the_viewers_zone_comes_first(make: MakeRow, client: Client, tester: Actor, busy: int) -> None:
    account = create_account("kim@example.com", is_staff=True, is_superuser=True, by=tester)
    link_account(make("responder", name="Kim", time_zone="Asia/Kolkata"), account.pk, tester)
    client.force_login(account)
    page = shown(client, busy)
    assert "An alert at Tue 24 Mar 17:30 IST" in page
    assert "<option selected>Asia/Kolkata</option><option>Europe/Berlin</option><option>UTC</option>" in page


def test_a_group_with_a_resolved_routing_leads_to_its_policy(browser: Client, make: MakeRow, tester: Actor) -> None:
    group = make("user_group", name="Payments")
    entry = make("escalation_policy", name="Payments: routing", levels=levels(level(None, target("unresolved", "x"))))
    make("service", name="Checkout", policy_key="3:TEAM")
    policy = make("escalation_policy", levels=levels(level(5, target("group_routing", "3:TEAM", label="Payments"))))
    as_known = {"key": Value("3:TEAM"), "row": F("pk")}
    fill_references({"user_group": UserGroup.objects.filter(pk=group).annotate(**as_known)})
    assert "routing depends on the alert" in shown(browser, policy)
    fill_references({"escalation_policy": EscalationPolicy.objects.filter(pk=entry).annotate(**as_known)})
    page = shown(browser, policy)
    assert '<span class="rb-muted">begins</span> <a' in page
    assert "Payments: routing</a>" in page
    assert "routing depends on the alert" not in page


def test_cycles_endless_walks_and_unreadable_levels_are_reported(browser: Client, make: MakeRow) -> None:
    one = make("escalation_policy", name="One")
    two = make("escalation_policy", name="Two", levels=levels(level(5, target("escalation_policy", one))))
    EscalationPolicy.objects.filter(pk=one).update(levels=levels(level(5, target("escalation_policy", two))))
    again = make("escalation_policy", name="Again", levels=levels(level(7, target("escalation_policy", two))))
    Reference.objects.create(
        owner_policy_id=one,
        position="levels/0/0",
        kind="escalation_policy",
        key=f"local:{two}",
        escalation_policy_id=two,
    )
    assert "This policy starts inside itself, so the walk stops here: Two → One → Two." in shown(browser, again)
    ana = make("responder", name="Ana")
    endless = make("escalation_policy", levels=levels(level(1, target("responder", ana))))
    EscalationPolicy.objects.filter(pk=endless).update(repeat_count=1_000_000)  # the writer refuses it
    assert "The walk is too long: it has more than 2000 levels" in shown(browser, endless)
    old = make("escalation_policy", name="Old")
    EscalationPolicy.objects.filter(pk=old).update(levels={"format": 0})
    assert "stored in format 0" in shown(browser, old)
    outer = make("escalation_policy", levels=levels(level(5, target("escalation_policy", old))))
    assert "Old is not known here or cannot be read" in shown(browser, outer)
    assert "It has no levels: nobody is paged." in shown(browser, make("escalation_policy", name="Empty"))
    many = make("escalation_policy", levels=levels(level(1, target("responder", ana))), repeat_count=150)
    page = shown(browser, many)
    assert "and 141 more rounds" in page
    assert "and 51 more" in page


@time_machine.travel(NOW, tick=False)
def test_a_schedule_with_a_group_or_with_nobody(
    browser: Client, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    ana = make("responder", name="Ana")
    group = make("user_group", {"members": {"local:+": {"person_key": f"local:{ana}", "role": ""}}}, name="Payments")
    crowd = make("schedule", name="Crowd", layers=weekly_layers(f"group:local:{group}"))
    empty = make("schedule", name="Empty", layers=weekly_layers("vacant"))
    every = (target("schedule", crowd), target("schedule", empty), target("schedule", empty, mode="previous"))
    policy = make("escalation_policy", levels=levels(level(5), level(5, *every)))
    page = shown(browser, policy)
    assert '<strong>Ana</strong> <span class="rb-muted">(in Payments)</span>' in page
    assert "Nobody is on call here at this time." in page
    assert "Who is previous on call is unknown: no handoff within 60 days" in page
    assert "No targets." in page
    assert "Basis: current configuration" not in page
    assert "Basis: current configuration" in shown(browser, policy, "?at=2026-03-24T11:59:59Z")


def test_the_number_of_queries_does_not_depend_on_the_policy(
    browser: Client, busy: int, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    people = [make("responder", name=f"P{n}") for n in range(20)]
    schedules = [make("schedule", name=f"S{n}", layers=weekly_layers(f"person:local:{n}")) for n in people]
    groups = [
        make("user_group", {"members": {"local:+": {"person_key": f"local:{n}", "role": ""}}}, name=f"G{n}")
        for n in people
    ]
    parts = [
        make("escalation_policy", name=f"Part {n}", levels=levels(level(None, target("schedule", n))))
        for n in schedules
    ]
    every = (("schedule", schedules), ("user_group", groups), ("responder", people), ("escalation_policy", parts))
    large = make(
        "escalation_policy", levels=levels(*(level(5, *(target(kind, n) for n in rows)) for kind, rows in every))
    )
    for n in range(30):
        make("service", name=f"Service {n}", policy_key=f"local:{large}")
    browser.get(page_url(busy))
    counts = []
    for pk in (busy, large):
        with CaptureQueriesContext(connection) as queries:
            page = shown(browser, pk)
        counts.append(len(queries))
    assert "and 10 more" in page
    assert counts[0] == counts[1] == 20, counts


def test_the_page_requires_the_permission_to_view_policies(browser: Client, busy: int, client: Client) -> None:
    assert browser.get(page_url(9_999)).status_code == 404
    client.force_login(create_account("clerk@example.com", is_staff=True))
    assert client.get(page_url(busy)).status_code == 403


def test_the_list_and_the_form_lead_to_the_page(browser: Client, busy: int) -> None:
    assert page_url(busy) in browser.get(reverse("admin:oncall_escalationpolicy_changelist")).content.decode()
    form = browser.get(reverse("admin:oncall_escalationpolicy_change", args=[busy])).content.decode()
    assert page_url(busy) in form
    assert browser.get(reverse("admin:oncall_escalationpolicy_add")).status_code == 200


def test_the_list_distinguishes_parts_from_whole_policies(browser: Client, make: MakeRow) -> None:
    whole = make("escalation_policy", name="Payments", repeat_count=0)
    make("escalation_policy", name="Payments: Nights", part_of_key=f"local:{whole}", repeat_count=1)
    url = reverse("admin:oncall_escalationpolicy_changelist")
    page = browser.get(url).content.decode()
    assert page.count("part of Payments</span>") == 1
    for query, names in (
        ("", {"Payments", "Payments: Nights"}),
        ("?part=no", {"Payments"}),
        ("?part=yes", {"Payments: Nights"}),
    ):
        assert {row.name for row in browser.get(url + query).context["cl"].result_list} == names
    assert "once" in page
