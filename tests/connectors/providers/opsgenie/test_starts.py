"""Rotations that start in 1970, held against the vendor's own timeline."""

from typing import Any

import pytest

from connectors.closure import Selection
from oncall.rendering.codec import instant_to_text
from oncall.rendering.final import render_final

DAY = 86_400
SENT = "1970-01-20T04:45:32.4Z"  # a Tuesday 20:45 in Los Angeles; meant is a Monday midnight in July 2022


def fetched(account: Any, make: Any, *people: Any, start: str = SENT, **more: Any) -> Any:
    account.schedules = [
        make.schedule("S1", make.rotation("R1", *people, startDate=start), timezone="America/Los_Angeles", **more)
    ]
    return account.connector().fetch(Selection(), contact_details=False)


def notes(snapshot: Any) -> list[str]:
    return [note.message for note in snapshot.notes if note.code == "start_compared"]


def served(account: Any, make: Any, start: str) -> None:
    """The timeline that the account would serve if the rotation started at ``start``."""
    snapshot = fetched(account, make, "ANA", "BO", start=start)
    spec = snapshot.schedules[0].spec()
    periods = [
        {
            "startDate": instant_to_text(span.start),
            "endDate": instant_to_text(span.end),
            "type": "default",
            "recipient": make.who(span.participants[0].id),
        }
        for span in render_final(spec, (), make.NOW, make.NOW + 14 * DAY)
    ]
    account.answers["/v2/schedules/S1/timeline"] = make.data(
        {
            "startDate": instant_to_text(make.NOW),
            "endDate": instant_to_text(make.NOW + 15 * DAY),
            "finalTimeline": {"rotations": [{"id": "R1", "periods": periods}]},
        }
    )


@pytest.mark.parametrize(
    ("start", "verdict"),
    [
        (SENT, "agrees with the start as sent"),
        ("2022-07-25T07:00:00Z", "agrees with the repaired start"),
        ("2022-07-26T07:00:00Z", "agrees with neither start"),
    ],
)
def test_the_timeline_says_which_start_is_meant(account: Any, make: Any, start: str, verdict: str) -> None:
    served(account, make, start)
    (message,) = notes(fetched(account, make, "ANA", "BO"))
    assert verdict in message


def test_a_timeline_that_cannot_be_read_decides_nothing(account: Any, make: Any) -> None:
    (message,) = notes(fetched(account, make, "ANA", "BO"))
    assert "could not be read" in message


def test_where_both_come_to_the_same_nothing_is_asked(account: Any, make: Any) -> None:
    assert notes(fetched(account, make, "ANA")) == []
    assert "/v2/schedules/S1/timeline" not in account.paths()


def test_what_cannot_be_rendered_is_not_compared(account: Any, make: Any) -> None:
    account.schedules = [
        make.schedule("S1", make.rotation("R1", "ANA", "BO", startDate=SENT), timezone="Mars/Phobos"),
        make.schedule("S2", make.rotation("R2", "ANA", "BO", startDate=SENT, endDate="2000-01-01T00:00:00Z")),
        make.schedule("S3", make.rotation("R3", "ANA", "BO")),
        make.schedule("S4", make.rotation("R4", *["ANA", "BO"] * 5_001, startDate=SENT)),
    ]
    snapshot = account.connector().fetch(Selection(), contact_details=False)
    assert (len(snapshot.schedules), notes(snapshot)) == (4, [])
    assert not any(path.endswith("timeline") for path in account.paths())
