"""The vendor's own rendering."""

from typing import Any

import pytest

from oncall.rendering.codec import instant_from_text
from oncall.rendering.final import Span
from oncall.rendering.spec import Participant, person

DAY = 86_400
ANA, BO, CY = person("ANA"), person("BO"), person("CY")
TEAM = {"type": "team", "id": "T1", "name": "Team"}


def at(day: int, time: str = "00:00:00Z") -> str:
    return f"2026-01-{day:02}T{time}"


def period(start: str, end: str, recipient: Any, kind: str = "default", **more: Any) -> Any:
    return {"startDate": start, "endDate": end, "type": kind, "recipient": recipient, **more}


def timeline(make: Any, *rotations: Any, start: str = at(1), end: str = at(20)) -> Any:
    listed = [{"id": f"R{n}", "name": "", "order": float(n), "periods": list(one)} for n, one in enumerate(rotations)]
    final = {"rotations": [*listed, {"id": "RX", "name": "without periods", "order": 9.5}]}
    return make.data({"_parent": {"id": "S1"}, "startDate": start, "endDate": end, "finalTimeline": final})


def render(account: Any, make: Any, answer: Any, days: int = 10) -> Any:
    account.answers["/v2/schedules/S1/timeline"] = answer
    return account.connector().rendered({"S1": ()}, make.NOW, make.NOW + days * DAY)


def spans(*found: tuple[str, str, tuple[Participant, ...]]) -> Any:
    return {"S1": tuple(Span(instant_from_text(start), instant_from_text(end), who) for start, end, who in found)}


def test_periods_of_all_rotations_become_spans(account: Any, make: Any) -> None:
    first = [
        period(
            "2025-12-25T00:00:00Z", at(2, "11:55:29.816Z"), None, "historical", flattenedRecipients=[make.who("ANA")]
        ),
        period(at(2, "11:55:29.816Z"), at(4), make.who("ANA")),
        period(at(4), at(5), make.who("BO"), "override"),
        period(at(5), at(6), make.who("CY"), "forwarding", fromUser="ana@example.com"),
        period(at(6), at(7), {"type": "none"}),
        period(at(15), at(16), make.who("ANA")),
    ]
    second = [period(at(3), at(4), TEAM)]
    found = render(account, make, timeline(make, first, second))
    assert found == spans(
        (at(1), at(3), (ANA,)),
        (at(3), at(4), (Participant("group_routing", "T1"), ANA)),
        (at(4), at(5), (BO,)),
        (at(5), at(6), (CY,)),
    )
    (requested,) = [dict(request.query) for request in account.requests]
    assert requested == {
        "identifierType": "id",
        "interval": "11",
        "intervalUnit": "days",
        "date": at(1),
        "expand": "base,override,forwarding",
    }


def test_history_shows_who_served_and_falls_back_to_whose_turn_it_was(account: Any, make: Any) -> None:
    one = [
        period(at(1), at(2), TEAM, "historical", flattenedRecipients=[make.who("ANA"), make.who("BO")]),
        period(at(2), at(3), make.who("CY"), "historical"),
        period(at(3), at(4), make.who("CY"), "historical", flattenedRecipients=[]),
        period(at(4), at(5), None),
    ]
    found = render(account, make, timeline(make, one))
    assert found == spans((at(1), at(2), (ANA, BO)), (at(2), at(3), (CY,)))


def test_long_ranges_go_on_where_the_last_window_ended(account: Any, make: Any) -> None:
    ana = make.who("ANA")
    middle, last = "2026-01-31T23:00:00Z", "2026-02-11T23:00:00Z"
    first = timeline(make, [period(at(1), at(31), ana)], start="2025-12-31T23:00:00Z", end=middle)
    second = timeline(make, [period(middle, "2026-02-10T00:00:00Z", ana)], start=middle, end=last)
    windows = iter([first, second])
    found = render(account, make, lambda query: next(windows), days=40)
    assert found == spans(
        (at(1), at(31), (ANA,)),
        (at(31, "23:00:00Z"), "2026-02-10T00:00:00Z", (ANA,)),
    )
    requested = [(dict(r.query)["date"], dict(r.query)["interval"]) for r in account.requests]
    assert requested == [(at(1), "31"), ("2026-01-31T23:00:00Z", "11")]


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"message": "gone"}),
        (403, {"message": "hidden", "code": 40301}),
        (500, {}),
        {"data": {"startDate": at(1), "endDate": at(20)}},
        {"data": {"startDate": at(2), "endDate": at(20), "finalTimeline": {}}},
        {"data": {"startDate": "2025-12-01T00:00:00Z", "endDate": at(1), "finalTimeline": {}}},
        {"data": {"finalTimeline": {}}},
        {"data": []},
    ],
)
def test_what_is_not_told_is_absent(account: Any, make: Any, answer: Any) -> None:
    assert render(account, make, answer) == {}


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ({"type": "user", "id": "ANA"}, "mystery"),
        ({"type": "robot"}, "default"),
        ({"type": "team"}, "default"),
    ],
)
def test_a_word_nobody_knows_leaves_the_schedule_out(account: Any, make: Any, recipient: Any, kind: str) -> None:
    assert render(account, make, timeline(make, [period(at(1), at(2), recipient, kind)])) == {}


def test_a_holder_of_an_unknown_type_is_shown_as_unknown(account: Any, make: Any) -> None:
    shown = [period(at(1), at(2), {"type": "robot", "id": "X"}, "default")]
    assert render(account, make, timeline(make, shown)) == spans((at(1), at(2), (Participant("unknown", "robot:X"),)))


def test_a_schedule_with_nobody_is_empty_not_absent(account: Any, make: Any) -> None:
    assert render(account, make, {"data": {"startDate": at(1), "endDate": at(20), "finalTimeline": {}}}) == {"S1": ()}


def test_names_without_ids_are_looked_up_once(account: Any, make: Any) -> None:
    account.users = [make.user("ANA"), make.user("BO")]
    periods = [
        period(at(1), at(2), {"type": "user", "name": "Ana@Example.com"}),
        period(at(2), at(3), {"type": "user", "name": "bo@example.com"}),
    ]
    found = render(account, make, timeline(make, periods))
    assert found == spans((at(1), at(2), (ANA,)), (at(2), at(3), (BO,)))
    assert account.paths().count("/v2/users") == 1
    unknown = [period(at(1), at(2), {"type": "user", "name": "cy@example.com"})]
    assert render(account, make, timeline(make, unknown)) == {}


def test_nothing_is_asked_for_nothing(account: Any, make: Any) -> None:
    assert account.connector().rendered({}, make.NOW, make.NOW + DAY) == {}
    assert account.requests == []
