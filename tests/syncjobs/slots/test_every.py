"""The rule *every*: what may be written, what is refused, and its words."""

from random import Random

import pytest

from syncjobs.slots.every import ALLOWED, InvalidEvery, clean_every, grid_of, in_words, span_in_words
from syncjobs.slots.grid import next_slot


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("off", "off"),
        ("6h", "every 6 hours"),
        ("1m", "every minute"),
        ("1d", "every day"),
        ("90m", "every 90 minutes"),
        ("1h30m", "every 90 minutes"),
        ("90s", "every 90 seconds"),
        ("2w", "every 14 days"),
        ("0 3 * * 1-5 Europe/Berlin", "every weekday at 03:00, Berlin"),
        ("0 3 * * mon-fri Europe/Berlin", "every weekday at 03:00, Berlin"),
        ("0 8,20 * * 6,0 America/New_York", "every Saturday and Sunday at 08:00 and 20:00, New York"),
        ("0 3 * * 7 UTC", "every Sunday at 03:00, UTC"),
        ("0 3 * * 0-7 UTC", "every day at 03:00, UTC"),
        ("0 3 * * 5-7 UTC", "every Friday, Saturday and Sunday at 03:00, UTC"),
        ("* * * * * UTC", "every minute, UTC"),
        ("*/15 * * * * UTC", "every 15 minutes, UTC"),
        ("*/20 * * * * UTC", "every 20 minutes, UTC"),
        ("*/25 * * * * UTC", "every hour at minute 0, 25 and 50, UTC"),
        ("*/40 * * * * UTC", "every hour at minute 0 and 40, UTC"),
        ("0 * * * 1 UTC", "every Monday, every hour, UTC"),
        ("5,35 * * * * UTC", "every hour at minute 5 and 35, UTC"),
        ("30 */4 * * * UTC", "every 4 hours from 00:30, UTC"),
        ("0 2 1,15 * * Asia/Tokyo", "on day 1 or 15 of the month at 02:00, Tokyo"),
        ("0 6 1 1 1 Asia/Tokyo", "every Monday that is day 1 of the month in January at 06:00, Tokyo"),
        ("0-30 9-17 * * * UTC", "every day at minute 0 to 30 of hour 9 to 17, UTC"),
    ],
)
def test_a_rule_in_words(text: str, words: str) -> None:
    assert in_words(grid_of(clean_every(text))) == words


def test_blanks_and_capitals_do_not_matter() -> None:
    assert clean_every("  6H ") == "6h"
    assert clean_every("0  3 * *\t1-5   Europe/Berlin") == "0 3 * * 1-5 Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "No rule was entered."),
        ("1s", "too short"),
        ("59s", "too short"),
        ("0m", "too short"),
        ("367d", "too long"),
        ("999999999w", "too long"),
        ("9" * 5_000 + "h", "longer than 100"),
        ("6", "no length"),
        ("-6h", "no length"),
        ("6 h", "neither"),
        ("\u0666h", "no length"),
        ("every day", "neither"),
        ("@daily", "no length"),
        ("0 3 * * 1-5", "no time zone"),
        ("0 3 * * 1-5 Mars/Base", "no time zone 'Mars/Base'"),
        ("0 3 * * 1-5 +01:00", "no time zone '+01:00'"),
        ("0 3 * * 1-5 Europe/Berlin extra", "neither"),
        ("0 0 30 2 * UTC", "never fires"),
        ("0 0 31 4,6 * UTC", "never fires"),
        ("60 3 * * * UTC", "never fires"),
        ("*/0 * * * * UTC", "never fires"),
        ("-1 * * * * UTC", "never fires"),
        ("0 3 L * * UTC", "never fires"),
        ("0 3 * * 1#2 UTC", "never fires"),
        ("0 3 * * 8 UTC", "never fires"),
    ],
)
def test_anything_else_is_refused_once_with_what_is_allowed(text: str, why: str) -> None:
    with pytest.raises(InvalidEvery) as refused:
        clean_every(text)
    assert why in str(refused.value)
    assert str(refused.value).endswith(ALLOWED)


def test_no_text_is_accepted_that_has_no_slot(thorough: bool) -> None:
    random = Random(7)
    pieces = ["*", "0", "1-5", "*/7", "31", "2", "30", "7", "6-0", ",", "-", "/", "x", "", "sun", "1,2", "99", "\0"]
    accepted = 0
    for _ in range(20_000 if thorough else 1_000):
        fields = [random.choice(pieces) for _ in range(5)]
        try:
            text = clean_every(" ".join([*fields, "UTC"]))
        except InvalidEvery:
            continue
        rule = grid_of(text)
        assert rule is not None
        assert next_slot(rule, 0, 0) is not None
        assert in_words(rule)
        accepted += 1
    assert accepted > 10, accepted


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 min"), (59 * 60, "59 min"), (5 * 3_600, "5 h"), (47 * 3_600, "47 h"), (200_000, "2 days")],
)  # fmt: skip
def test_a_span_in_words(seconds: int, words: str) -> None:
    assert span_in_words(seconds) == words
