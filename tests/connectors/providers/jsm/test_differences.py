"""Where JSM Operations differs from Opsgenie v2: a test for each difference. What is alike is tested there."""

import base64
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.providers.atlassian import mapping_policies, mapping_rotations
from connectors.providers.atlassian import wire as shared
from connectors.providers.jsm import wire
from connectors.providers.jsm.vendor import VENDOR
from connectors.reading.findings import Findings
from oncall.escalation.policy import Target
from oncall.rendering.codec import instant_from_text
from oncall.rendering.final import Span
from oncall.rendering.spec import LATEST, VACANT, Participant, person

DAY = 86_400
SCHEDULE, TEAM = {"type": "schedule", "id": "S1"}, {"type": "team", "id": "T1"}


def fetch(site: Any, **more: Any) -> Any:
    return site.connector().fetch(Selection(), contact_details=more.pop("contact_details", False), **more)


def mapped(make: Any, raw: Any, overrides: Any = ()) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    schedule = wire.Schedule.model_validate(raw)
    rotations = findings.read_all(shared.Rotation, schedule.rotations or (), "schedule", "S1", "rotations")
    reported = findings.read_all(wire.Override, overrides, "schedule", "S1", "overrides")
    return mapping_rotations.schedule(schedule, rotations, reported, make.NOW, (), findings), findings


def policy(raw: Any) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    escalation = wire.Escalation.model_validate({"teamId": "T1", **raw})
    rules = findings.read_all(wire.EscalationRule, escalation.rules or (), "escalation_policy", "E1", "rules")
    return mapping_policies.policy(escalation, rules, (), findings), findings


def test_a_person_with_a_token_asks_not_a_key(site: Any, make: Any) -> None:
    site.connector().probe()
    reported = base64.b64encode(f"{make.EMAIL}:{make.TOKEN}".encode()).decode()
    requested = [headers.get("Authorization") for headers in site.headers]
    assert set(requested[1:]) == {f"Basic {reported}"}


def test_the_site_is_asked_who_it_is_before_it_is_shown_a_credential(site: Any) -> None:
    site.connector().probe()
    assert (site.requests[0].path, site.requests[0].host) == ("/_edge/tenant_info", "acme.atlassian.net")
    assert "Authorization" not in site.headers[0]


def test_the_cloud_id_stands_in_every_path_and_the_hosts_are_two(site: Any, make: Any) -> None:
    fetch(site)
    for request in site.requests:
        assert (request.host is None) is request.path.startswith(f"/jsm/ops/api/{make.CLOUD}/v1/")
        assert request.host in (None, make.SITE)


def test_every_list_but_that_of_teams_comes_by_pages(site: Any, make: Any) -> None:
    site.schedules = [make.schedule(f"S{n:03}", make.rotation(f"R{n}", "ANA")) for n in range(120)]
    site.below["/v1/schedules/S000/overrides"] = [
        make.override(f"O{n:02}", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z") for n in range(60)
    ]
    snapshot = fetch(site)
    assert len(snapshot.schedules) == 120
    assert len(snapshot.schedules[0].overrides) == 60
    requested = [dict(request.query) for request in site.requests if request.path.endswith("/v1/schedules")]
    assert [(query["offset"], query["size"], query["expand"]) for query in requested] == [
        ("0", "50", "rotation"),
        ("50", "50", "rotation"),
        ("100", "50", "rotation"),
    ]
    (teams,) = [request for request in site.requests if request.path.endswith("/v1/teams")]
    assert teams.query == ()
    assert snapshot.failed == ()


def test_people_are_accounts_whose_address_may_be_hidden(site: Any, make: Any) -> None:
    site.users = [make.user("ANA"), make.user("BO", emailAddress="", accountType="app", active=False)]
    ana, bo = sorted(fetch(site).users, key=lambda one: one.external_id)
    assert (ana.email, ana.state, ana.time_zone.zone) == ("ana@example.com", "active", "Europe/Berlin")
    assert (bo.name, bo.email, bo.state, bo.listed) == ("User BO", None, "inactive", True)
    assert (ana.unreported, bo.unreported) == (frozenset(), {"email"})
    codes = {note.code for note in fetch(site).notes if note.external_id == "BO"}
    assert codes == {"email_hidden", "unusual_account", "deactivated"}


def test_pointers_are_bare_and_names_come_from_elsewhere(site: Any, make: Any) -> None:
    by_alert = make.routing("Q2", SCHEDULE, default=False, name="At night")
    site.below["/v1/teams/T1/routing-rules"] = [by_alert, *site.below["/v1/teams/T1/routing-rules"]]
    (message,) = [note.message for note in fetch(site).notes if note.code == "routing_by_alert"]
    assert "At night" in message
    assert "the schedule Schedule S1" in message


def test_nobody_is_called_noone(make: Any) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA", {"type": "noone"}, TEAM, {"type": "escalation", "id": "E1"}))
    reported = make.override("O1", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", {"type": "noone"})
    record, findings = mapped(make, raw, [reported])
    assert record.layers[0].participants == (
        person("ANA"),
        VACANT,
        Participant("group_routing", "T1"),
        Participant("policy", "E1"),
    )
    assert record.overrides[0].by == VACANT
    assert findings.notes == []


def test_the_owner_is_a_team_id_that_may_be_missing(make: Any) -> None:
    assert mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), teamId="og-T1"))[0].group_ids == ("og-T1",)
    assert mapped(make, make.schedule("S1", make.rotation("R1", "ANA")))[0].group_ids == ()


def test_an_override_has_a_responder_and_ids_of_rotations(make: Any) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA"), make.rotation("R2", "BO"))
    # Endpoints differ in how they write dates: an offset here, a Z there.
    some = make.override("O1", "2026-02-01T09:00:00+01:00", "2026-02-02T08:00:00Z", "CY", rotationIds=["R2"])
    everywhere = make.override("O2", "2026-02-05T08:00:00Z", "3025-02-06T08:00:00Z", "CY", rotationIds=None)
    record, findings = mapped(make, raw, [some, everywhere])
    first, second = record.overrides
    assert (first.by, first.sources) == (person("CY"), frozenset({"R2"}))
    assert (first.starts_at, first.ends_at) == (1_769_932_800, 1_769_932_800 + DAY)
    assert (second.sources, second.ends_at) == (None, LATEST)
    assert record.fetched_range == (make.NOW, LATEST)
    assert [note.code for note in findings.notes] == ["override_without_end"]


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"rotationIds": ["R9"]}, "unknown_rotation", "overrides[0].rotationIds"),
        ({"responder": {"type": "group", "id": "G"}}, "unknown_holder", "overrides[0].responder"),
    ],
)
def test_what_is_wrong_with_an_override_is_named_as_sent(make: Any, more: Any, code: str, path: str) -> None:
    reported = make.override("O1", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z") | more
    _, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA")), [reported])
    assert [(one.code, one.path) for one in (*findings.notes, *findings.failed)] == [(code, path)]


@pytest.mark.parametrize("end", ["", None, "absent"])
def test_an_end_may_be_empty_or_missing(make: Any, end: Any) -> None:
    raw = make.rotation("R1", "ANA", endDate=end)
    if end == "absent":
        del raw["endDate"]
    assert mapped(make, make.schedule("S1", raw))[0].layers[0].ends_at is None


def test_delays_are_bare_minutes(make: Any) -> None:
    rules = [make.rule(5, make.who("ANA")), make.rule(5, SCHEDULE, "next"), make.rule(20, TEAM, "all")]
    record, findings = policy(make.escalation("E1", *rules, repeat={"waitInterval": 10, "count": 2}))
    assert record.policy.initial_wait == 5
    assert [level.wait for level in record.policy.levels] == [15, 10]
    assert record.policy.repeat_count == 2
    assert record.policy.levels[0].targets[1] == Target("schedule", "S1", label="S1", mode="next", notify="next")
    assert record.group_id == "T1"
    assert findings.notes == []


@pytest.mark.parametrize("delay", [-1, "5", 1.5, None, {"timeAmount": 5}, True])
def test_a_delay_that_is_no_number_of_minutes_fails_by_name(make: Any, delay: Any) -> None:
    record, findings = policy(make.escalation("E1", make.rule(5, TEAM), make.rule(delay, SCHEDULE)))
    (level,) = record.policy.levels
    assert [(target.kind, target.key) for target in level.targets] == [
        ("group_routing", "T1"),
        ("unresolved", "rules[1]"),
    ]
    assert findings.failed[0].path.startswith("rules[1].delay")


def test_an_escalation_can_be_switched_off(make: Any) -> None:
    record, findings = policy(make.escalation("E1", make.rule(0, SCHEDULE), enabled=False))
    assert record.enabled is False
    assert [note.code for note in findings.notes] == ["switched_off"]
    assert policy(make.escalation("E1", make.rule(0, SCHEDULE)))[0].enabled is True


def test_escalations_are_listed_team_by_team(site: Any, make: Any) -> None:
    site.teams = [make.team("T1"), make.team("T2")]
    site.below["/v1/teams/T2/escalations"] = [make.escalation("E2", make.rule(0, make.who("ANA")))]
    snapshot = fetch(site)
    owners = {one.external_id: one.group_id for one in snapshot.policies}
    assert owners == {"E1": "T1", "E2": "T2", "T1": "T1"}
    assert snapshot.completeness["escalation_policy"].listing


def test_members_come_from_the_platform_by_a_post_and_have_no_role(site: Any, make: Any) -> None:
    def answer(body: Any) -> Any:
        last = body["after"] == "next"
        found = [{"accountId": "ANA"}] if last else [{"accountId": "CY"}]
        return {"results": found, "pageInfo": {"hasNextPage": not last, "endCursor": None if last else "next"}}

    path = f"/gateway/api/public/teams/v1/org/{make.ORG}/teams/T1/members"
    site.answers[path] = answer
    (team,) = fetch(site).teams
    assert [(member.person_id, member.role) for member in team.members] == [("ANA", ""), ("CY", "")]
    requested = [(r.method, r.host, r.body) for r in site.requests if r.path == path]
    assert requested == [
        ("POST", make.SITE, {"first": 50, "after": ""}),
        ("POST", make.SITE, {"first": 50, "after": "next"}),
    ]
    assert {request.method for request in site.requests if request.path != path} == {"GET"}


def test_contacts_of_others_cannot_be_read_and_that_is_said(site: Any) -> None:
    snapshot = fetch(site, contact_details=True)
    assert {(one.contact_methods, one.notification_rules) for one in snapshot.users} == {(None, None)}
    assert [note.code for note in snapshot.notes if note.entity_type == "responder"] == ["contacts_not_told"]
    assert not any("contacts" in path or "notification" in path for path in site.paths())
    assert not any(note.code == "contacts_not_told" for note in fetch(site).notes)
    assert any("only their own" in message for message in site.connector().probe().messages)


def test_services_have_no_list_here(site: Any) -> None:
    snapshot = fetch(site)
    assert snapshot.services == ()
    assert not snapshot.completeness["service"].listing
    assert [note.code for note in snapshot.notes if note.entity_type == "service"] == ["none_here"]


def test_there_is_no_account_the_site_stands_for_it(site: Any, make: Any) -> None:
    account = fetch(site).account
    assert (account.id, account.label, account.region) == (make.CLOUD, make.SITE, "")


# --- the timeline -----------------------------------------------------------------------------------------------------


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def period(start: str, end: str, responder: Any, kind: str = "base", **more: Any) -> Any:
    return {"startDate": start, "endDate": end, "type": kind, "responder": responder, **more}


def timeline(*rotations: Any, start: str = at(1), end: str = at(20)) -> Any:
    return {"startDate": start, "endDate": end, "finalTimeline": {"rotations": list(rotations)}, "_expands": []}


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_timeline_speaks_of_responders_and_draws_what_is_deleted(site: Any, make: Any, wrapped: bool) -> None:
    ana, bo, cy = make.who("ANA"), make.who("BO"), make.who("CY")
    shown = [
        period("2025-12-28T00:00:00Z", at(2), TEAM, "historical", flattenedResponders=[ana, bo]),
        period(at(2), at(3), {**ana, "deleted": True}),
        period(at(3), at(4), bo, "default"),
        period(at(4), at(5), cy, "override"),
        period(at(5), at(6), cy, "forwarding", **{"from": ana}),
        period(at(6), at(7), {"type": "noone"}),
    ]
    gone = {"id": "R9", "name": "", "order": 9.5, "deleted": True, "periods": [period(at(1), at(9), bo)]}
    answer = timeline({"id": "R1", "order": 1.0, "periods": shown}, {"id": "R2", "order": 2.0}, gone)
    site.answers["/v1/schedules/S1/timeline"] = {"data": answer} if wrapped else answer
    found = site.connector().rendered({"S1": (), "S2": ()}, make.NOW, make.NOW + 10 * DAY)
    assert found == {
        "S1": tuple(
            Span(instant_from_text(at(start)), instant_from_text(at(end)), who)
            for start, end, who in (
                (1, 2, (person("ANA"), person("BO"))),
                (2, 3, (person("ANA"),)),
                (3, 4, (person("BO"),)),
                (4, 6, (person("CY"),)),
            )
        )
    }
    requested = dict(site.requests[0].query)
    assert requested == {
        "interval": "11",
        "intervalUnit": "days",
        "date": "2026-01-01T00:00:00Z",
        "expand": "base,override,forwarding",
    }
