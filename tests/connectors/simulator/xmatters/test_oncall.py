"""On-call answers of the simulated xMatters, with absences and gaps."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.simulator.xmatters import Simulator, build_world
from connectors.simulator.xmatters.oncalls import rows
from connectors.simulator.zones import DAY
from tests.connectors.simulator.conftest import Clock
from tests.connectors.simulator.xmatters.test_api import every_page, group_named

Call = Callable[..., Any]
NOW = 1_774_008_005  # 2026-03-20T12:00:05Z, a Friday


def when(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def people(row: Any) -> list[str]:
    return [one["member"]["targetName"] for one in row["members"]["data"]]


def test_now_only_running_shifts_are_listed(xm: Call, xmatters: Simulator) -> None:
    (row,) = xm("/on-call", {"groups": group_named(xmatters, "Platform SRE")}).json["data"]
    assert (row["start"], row["end"]) == ("2026-03-20T07:00:00Z", "2026-03-20T19:00:00.000Z")
    assert "name" not in row["shift"]
    assert people(row) == ["blindqvist", "cmoretti", "daydin"]
    members = row["members"]
    assert (members["count"], members["total"]) == (3, 5)
    rest = xm(members["links"]["next"]).json["data"]
    assert [(one["position"], one["delay"], one["inRotation"]) for one in rest] == [(4, 50, True), (5, 0, False)]
    assert rest[0]["member"]["status"] == "INACTIVE"
    query = f"groups={group_named(xmatters, 'Platform SRE')}&membersPerShift=100&embed=shift,members.owner"
    (row,) = xm("/on-call", query).json["data"]
    assert row["shift"]["name"] == "Weekdays"
    assert row["members"]["total"] == row["members"]["count"] == 5
    assert [one["delay"] for one in row["members"]["data"]] == [0, 10, 0, 50, 0], "the wait after, not before"


def test_a_device_has_its_owner_on_request(xm: Call, xmatters: Simulator) -> None:
    query = f"groups={group_named(xmatters, 'Network, Clouds + Cables')}&at=2026-03-20T20:00:00Z"
    devices = [
        one["member"]
        for embed in ("", "&embed=members.owner")
        for row in xm("/on-call", query + embed).json["data"]
        for one in row["members"]["data"]
        if one["member"]["recipientType"] == "DEVICE"
    ]
    assert ["owner" in one for one in devices] == [False, True]


def test_occurrences_come_whole_one_row_each(xm: Call, xmatters: Simulator, clock: Clock) -> None:
    key = group_named(xmatters, "Payments | On-Call")
    query = f"groups={key}&from=2026-03-20T12:00:00Z&to=2026-06-18T12:00:00Z&embed=shift"
    found = every_page(xm, "/on-call", query)
    default = [row for row in found if row["shift"]["name"] == "Default Shift"]
    assert len(default) == 91
    assert default[0]["start"] == "2026-03-20T07:00:00Z"
    assert [row["start"] for row in found] == sorted(row["start"] for row in found)
    long = [row for row in found if row["shift"]["name"] == "Long Days"]
    assert [row["start"] for row in long[:2]] == ["2026-03-19T07:00:00Z", "2026-03-20T07:00:00Z"]
    assert len({row["start"] for row in long}) == len(long) == 66
    clock.moment += 40 * DAY
    past = xm("/on-call", f"groups={key}&from=2026-03-20T12:00:00Z&to=2026-03-21T12:00:00Z").json
    assert past["count"] > 0


def test_absences_show_as_replacements_part_by_part(xm: Call, xmatters: Simulator) -> None:
    key = group_named(xmatters, "Platform SRE")
    query = f"groups={key}&from=2026-03-20T12:00:00Z&to=2026-04-03T12:00:00Z&embed=shift&membersPerShift=100"
    found = every_page(xm, "/on-call", query)
    nights = {row["start"][:10]: row for row in found if row["shift"]["name"] == "Nights"}

    def stands(row: Any, name: str) -> Any:
        (one,) = (one for one in row["members"]["data"] if one["member"]["targetName"] == name)
        return [
            (each["start"][5:16], each["end"][5:16], each.get("replacement", {}).get("targetName"))
            for each in one.get("replacements", {"data": []})["data"]
        ]

    assert stands(nights["2026-03-22"], "akeller") == []
    assert stands(nights["2026-03-23"], "akeller") == [("03-23T19:00", "03-24T07:00", "blindqvist")]
    assert stands(nights["2026-03-26"], "akeller") == []
    days = {row["start"][:10]: row for row in found if row["shift"]["name"] == "Weekdays"}
    assert stands(days["2026-03-24"], "cmoretti") == [("03-24T07:00", "03-24T19:00", None)]
    assert stands(days["2026-03-30"], "cmoretti") == []
    xmatters.edits.add_absence(
        next(one.id for one in xmatters.state.people.values() if one.target_name == "daydin"),
        when("2026-04-01T09:00:00+00:00"),
        when("2026-04-01T11:00:00+00:00"),
    )
    (row,) = (row for row in xm("/on-call", f"groups={key}&at=2026-04-01T08:00:00Z&membersPerShift=9").json["data"])
    assert stands(row, "daydin") == [
        ("04-01T06:00", "04-01T09:00", "daydin"),
        ("04-01T09:00", "04-01T11:00", None),
        ("04-01T11:00", "04-01T18:00", "daydin"),
    ]
    xmatters.edits.change_habits(nested_limit=1)
    (row,) = xm("/on-call", f"groups={key}&at=2026-04-01T08:00:00Z").json["data"]
    members = row["members"]["data"] + every_page(xm, row["members"]["links"]["next"].removeprefix("/api/xm/1"))
    nested = next(one["replacements"] for one in members if one["member"]["targetName"] == "daydin")
    rest = every_page(xm, nested["links"]["next"].removeprefix("/api/xm/1"))
    assert [one.get("replacement", {}).get("targetName") for one in nested["data"] + rest] == ["daydin", None, "daydin"]


def test_an_absence_in_another_group_is_none_here(xm: Call, xmatters: Simulator) -> None:
    katya = next(one.id for one in xmatters.state.people.values() if one.target_name == "kpetrova")
    platform = group_named(xmatters, "Platform SRE")
    days = next(one for one in xmatters.state.shifts_of(platform) if one.name == "Weekdays")
    xmatters.edits.add_seat(days.id, ["PERSON", katya], 5)
    for name, expected in (("Platform SRE", False), ("Payments | On-Call", True)):
        found = xm("/on-call", {"groups": group_named(xmatters, name), "membersPerShift": 100}).json["data"]
        seats = [one for row in found for one in row["members"]["data"] if one["member"]["id"] == katya]
        assert {"replacements" in one for one in seats} == {expected}


def test_a_rotation_by_shifts_shows_each_occurrence_its_order(xm: Call, xmatters: Simulator) -> None:
    key = group_named(xmatters, "Data Pipelines")
    query = f"groups={key}&from=2026-03-20T16:00:00Z&to=2026-03-27T12:00:00Z&embed=shift&membersPerShift=100"
    nights = [row for row in every_page(xm, "/on-call", query) if row["shift"]["name"] == "Nights"]
    firsts = [(row["start"][8:10], people(row)[0]) for row in nights]
    assert firsts == [  # the night of the 24th was deleted and uses no turn
        ("20", "pnair"),
        ("21", "rmehta"),
        ("22", "tiyer"),
        ("23", "pnair"),
        ("25", "rmehta"),
        ("26", "tiyer"),
    ]


def test_gaps_are_listed_on_request(xm: Call, xmatters: Simulator) -> None:
    span = "from=2026-03-20T12:00:00Z&to=2026-03-27T12:00:00Z&membersPerShift=1"
    data = group_named(xmatters, "Data Pipelines")
    assert not any("occurrenceType" in row for row in xm("/on-call", f"groups={data}&{span}").json["data"])
    found = xm("/on-call", f"groups={data}&{span}&include=GAPS").json["data"]
    assert [row["start"] for row in found] == sorted(row["start"] for row in found)
    gaps = [(row["start"], row["end"]) for row in found if row["occurrenceType"] == "GAP"]
    assert gaps[0] == ("2026-03-20T12:00:00Z", "2026-03-20T15:30:00.000Z")
    assert not any("shift" in row or "members" in row for row in found if row["occurrenceType"] == "GAP")
    shifts = [(when(row["start"]), when(row["end"])) for row in found if row["occurrenceType"] == "SHIFT"]
    for minute in range(when("2026-03-20T12:00:00Z"), when("2026-03-27T12:00:00Z"), 900):
        in_gap = any(when(start) <= minute < when(end) for start, end in gaps)
        assert in_gap is not any(start <= minute < end for start, end in shifts)
    empty = group_named(xmatters, "data pipelines")
    (gap,) = xm("/on-call", f"groups={empty}&{span}&include=GAPS").json["data"]
    assert (gap["start"], gap["end"]) == ("2026-03-20T12:00:00Z", "2026-03-27T12:00:00.000Z")
    (gap,) = xm("/on-call", f"groups={data}&include=GAPS").json["data"]
    assert (gap["start"], gap["end"]) == ("2026-03-20T12:00:05Z", "2026-03-20T15:30:00.000Z")
    (row,) = xm("/on-call", f"groups={group_named(xmatters, 'Platform SRE')}&include=GAPS").json["data"]
    assert row["occurrenceType"] == "SHIFT"


def test_holidays_decide_although_no_endpoint_reports_them(xm: Call, xmatters: Simulator) -> None:
    """One shift runs only on holidays, the other never on holidays."""
    span = "from=2026-03-20T12:00:00Z&to=2026-06-02T12:00:00Z&embed=shift"
    key = group_named(xmatters, 'Release "Train"')
    found = xm("/on-call", f"groups={key}&{span}").json["data"]
    listed = [(row["shift"]["name"], row["start"][:10], row["shift"].get("siteHolidays")) for row in found]
    assert listed == [
        ("Launch", "2026-03-22", None),
        ("Holidays", "2026-03-24", {"onCall": True}),
        ("Holidays", "2026-03-26", {"onCall": True}),
        ("First Mondays", "2026-04-06", {"onCall": False}),
        ("Holidays", "2026-05-04", {"onCall": True}),  # the first Monday of May
        ("First Mondays", "2026-06-01", {"onCall": False}),
    ]


@pytest.mark.parametrize("name", ["Legacy Billing", "All Hands", "Everyone in Berlin"])
def test_who_gets_nothing(xm: Call, xmatters: Simulator, name: str) -> None:
    assert xm("/on-call", {"groups": group_named(xmatters, name)}).json["count"] == 0


def test_occurrences_of_a_group(xm: Call, xmatters: Simulator) -> None:
    key = group_named(xmatters, "Platform SRE")
    nights = next(one for one in xmatters.state.shifts_of(key) if one.name == "Nights")
    span = "from=2026-03-20T12:00:00Z&to=2026-03-23T12:00:00Z"
    found = xm(f"/groups/{key}/occurrences", f"{span}&shifts={nights.id}").json["data"]
    assert [row["start"] for row in found] == [f"2026-03-{day}T19:00:00Z" for day in (20, 21, 22)]
    assert "members" not in found[0]
    (first, *_) = xm(f"/groups/{key}/occurrences", f"{span}&embed=members").json["data"]
    assert first["members"]["count"] == 5
    path = f"/groups/{key}/shifts/{nights.id}/occurrences"
    assert xm(f"{path}/2026-03-21T19:00:00.000Z/members").json["count"] == 3
    assert xm(f"{path}/2026-03-21T19:00:01.000Z/members").status == 404
    assert xm(f"{path}/yesterday/members").status == 404
    assert xm(f"{path}/2026-03-21T19:00:00.000Z/members/9/replacements").status == 404


def test_the_summary_is_flat(xm: Call, xmatters: Simulator) -> None:
    query = {"groups": group_named(xmatters, "Platform SRE"), "recipientsPerShift": 100}
    found = xm("/on-call-summary", query).json["data"]
    listed = [(row["recipient"]["targetName"], row["delay"], row["escalationLevel"]) for row in found]
    assert listed == [
        ("blindqvist", 0, 1),
        ("cmoretti", 0, 1),
        ("daydin", 10, 2),
        ("enovak", 0, 2),
        ("gsommer", 50, 3),
    ]
    assert ["absence" in row for row in found] == [False, True, False, False, False]
    span = {"groups": query["groups"], "from": "2026-03-20T12:00:00Z", "to": "2026-03-21T12:00:00Z"}
    assert xm("/on-call-summary", span).status == 400


@pytest.mark.parametrize("month", range(1, 13))
def test_the_instance_is_alive_at_any_time_of_the_year(month: int) -> None:
    now = int(datetime(2026, month, 17, 23, 59, 30, tzinfo=UTC).timestamp())
    state = build_world(float(now))
    busy = {
        row.shift.name
        for group in state.groups.values()
        for row in rows(state, group, now, now + 14 * DAY)
        if row.shift is not None
    }
    idle = {one.name for one in state.shifts.values()} - busy
    assert idle <= {"First Mondays", "Holidays"}
