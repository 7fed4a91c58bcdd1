"""Every form of zone name that vendors are known to send, and what must not be guessed."""

import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from connectors.zones.timezones import MAX_CANDIDATES, ZoneReading, convert, same_zone
from connectors.zones.zone_names import ABBREVIATIONS, LINKS_BY_PLACE, RAILS

NAMED = [
    ("America/New_York", "America/New_York", "ok"),
    ("US/Eastern", "America/New_York", "ok"),
    ("US/Pacific", "America/Los_Angeles", "ok"),
    ("US/PACIFIC", "America/Los_Angeles", "ok"),
    ("us/pacific", "America/Los_Angeles", "ok"),
    ("Canada/Pacific", "America/Vancouver", "ok"),
    ("GB", "Europe/London", "ok"),
    ("Eire", "Europe/Dublin", "ok"),
    ("Asia/Calcutta", "Asia/Kolkata", "ok"),
    ("Europe/Kiev", "Europe/Kyiv", "ok"),
    ("America/Indianapolis", "America/Indiana/Indianapolis", "ok"),
    ("US/East-Indiana", "America/Indiana/Indianapolis", "ok"),
    ("Europe/Oslo", "Europe/Oslo", "ok"),
    ("America/Godthab", "America/Nuuk", "ok"),
    ("Asia/Rangoon", "Asia/Yangon", "ok"),
    ("America/New York", "America/New_York", "ok"),
    (" America/Chicago ", "America/Chicago", "ok"),
    ("Iceland", "Atlantic/Reykjavik", "ok"),
    ("UTC", "Etc/UTC", "ok"),
    ("Z", "Etc/UTC", "ok"),
    ("GMT", "Etc/UTC", "ok"),
    ("(UTC+0000)GMT", "Etc/UTC", "ok"),
    ("Etc/GMT-5", "Etc/GMT-5", "ok"),
    ("Etc/GMT+5", "Etc/GMT+5", "ok"),
    ("GMT+01:00", "Etc/GMT-1", "warn"),
    ("GMT-8:00", "Etc/GMT+8", "warn"),
    ("UTC+1", "Etc/GMT-1", "warn"),
    ("UTC-5", "Etc/GMT+5", "warn"),
    ("+02:00", "Etc/GMT-2", "warn"),
    ("GMT+13:00", "Etc/GMT-13", "warn"),
    ("CET", "Europe/Brussels", "ok"),
    ("EST5EDT", "America/New_York", "ok"),
    ("PST8PDT", "America/Los_Angeles", "ok"),
    ("Eastern Standard Time", "America/New_York", "converted"),
    ("pacific standard time", "America/Los_Angeles", "converted"),
    ("GMT Standard Time", "Europe/London", "converted"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik", "converted"),
    ("W. Europe Standard Time", "Europe/Berlin", "converted"),
    ("India Standard Time", "Asia/Kolkata", "converted"),
    ("US Mountain Standard Time", "America/Phoenix", "converted"),
    ("Central Standard Time (Mexico)", "America/Mexico_City", "converted"),
    ("Eastern Time (US & Canada)", "America/New_York", "converted"),
    ("Eastern Time (US &amp; Canada)", "America/New_York", "converted"),
    ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York", "converted"),
    ("(UTC-0800) US/Pacific", "America/Los_Angeles", "ok"),
    ("International Date Line West", "Etc/GMT+12", "converted"),
    ("Kolkata", "Asia/Kolkata", "converted"),
    ("Samoa", "Pacific/Apia", "converted"),
    ("US/Samoa", "Pacific/Pago_Pago", "ok"),
    ("Hong Kong", "Asia/Hong_Kong", "converted"),
    ("Hongkong", "Asia/Hong_Kong", "ok"),
    # Beyond the vendors' known forms: the same rules at their edges.
    ("(UTC) Europe/London", "Europe/London", "ok"),
    ("(GMT+1) Europe/London", "Europe/London", "ok"),
    ("(UTC-05:00)", "Etc/GMT+5", "warn"),
    ("UTC-08", "Etc/GMT+8", "warn"),
    ("UTC\N{MINUS SIGN}5", "Etc/GMT+5", "warn"),
    ("+00:00", "Etc/UTC", "warn"),
    ("Greenwich", "Etc/UTC", "ok"),
    ("America/Coral_Harbour", "America/Atikokan", "ok"),
    ("Pacific/Truk", "Pacific/Chuuk", "ok"),
    ("Pacific/Ponape", "Pacific/Pohnpei", "ok"),
    ("Atlantic/Jan_Mayen", "Arctic/Longyearbyen", "ok"),
]

CONFLICTS = [
    ("UTC+05:30", "offset", {"Asia/Kolkata", "Asia/Colombo"}),
    ("GMT-13", "offset", set()),
    ("EST", "abbreviation", {"Etc/GMT+5", "America/New_York", "America/Panama"}),
    ("MST", "abbreviation", {"America/Phoenix", "America/Denver"}),
    ("PST", "abbreviation", {"America/Los_Angeles", "Asia/Manila"}),
    ("CST", "abbreviation", {"America/Chicago", "Asia/Shanghai", "America/Havana"}),
    ("IST", "abbreviation", {"Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"}),
    ("BST", "abbreviation", {"Europe/London", "Asia/Dhaka"}),
    ("AST", "abbreviation", {"America/Halifax", "America/Anchorage", "Asia/Riyadh"}),
    ("EDT", "abbreviation", {"America/New_York"}),
    ("CEST", "abbreviation", {"Europe/Berlin", "Europe/Paris"}),
    ("Eastern Daylight Time", "windows", {"America/New_York"}),
    ("(UTC+0100) US/Pacific", "label", {"America/Los_Angeles"}),
    ("Astana", "rails", {"Asia/Almaty", "Asia/Dhaka"}),
    ("SystemV/EST5", "unknown", set()),
    ("Mars/Olympus", "unknown", set()),
    ("zone.tab", "unknown", set()),
    (None, "blank", set()),
    ("", "blank", set()),
    ("   ", "blank", set()),
    ("&nbsp;", "blank", set()),
    ("(UTC+0100) EST", "abbreviation", {"Etc/GMT+5", "America/New_York", "America/Panama"}),
    ("UTC+1:75", "offset", set()),
    ("x" * 65, "too_long", set()),
    ("x" * 201, "too_long", set()),
]

SUGGESTED = [("US/Los Angeles", "America/Los_Angeles"), ("US/Pacific-New", "America/Los_Angeles")]
REFUSED = [
    "Mid-Atlantic Standard Time", "America/Canada", "localtime", "Factory", "posixrules", "America",
    "../etc/passwd", "/etc/localtime", "Etc/GMT-15", "\x00UTC", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("raw,zone,outcome", NAMED)
def test_it_reads_known_forms(raw: str, zone: str, outcome: str) -> None:
    reading = convert(raw)
    candidates = (zone,) if outcome == "warn" else ()
    assert (reading.zone, reading.outcome, reading.candidates, reading.raw) == (zone, outcome, candidates, raw)
    assert reading.is_sure == (outcome != "warn")


@pytest.mark.parametrize("raw,rule,candidates", CONFLICTS)
def test_it_asks_instead_of_guessing(raw: str | None, rule: str, candidates: set[str]) -> None:
    reading = convert(raw)
    assert (reading.zone, reading.outcome, reading.rule) == (None, "conflict", rule)
    assert set(reading.candidates) == candidates
    assert reading.note.endswith(".")
    assert "choose" in reading.note


@pytest.mark.parametrize("raw,suggestion", SUGGESTED)
def test_it_suggests_but_does_not_apply(raw: str, suggestion: str) -> None:
    reading = convert(raw)
    assert (reading.zone, reading.outcome) == (None, "conflict")
    assert suggestion in reading.candidates


@pytest.mark.parametrize("raw", REFUSED)
def test_it_refuses_what_is_no_zone_and_opens_no_file(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    convert("Mars/Olympus")  # the tables are read
    monkeypatch.setattr("builtins.open", lambda *args, **kwargs: pytest.fail(f"opened {args}"))
    reading = convert(raw)
    assert (reading.zone, reading.outcome, reading.rule) == (None, "conflict", "unknown")
    assert reading.note.isprintable()


@pytest.mark.parametrize(
    "a,b,equal",
    [
        ("US/Eastern", "America/New_York", True),
        ("Asia/Calcutta", "Asia/Kolkata", True),
        ("UTC", "GMT", True),
        ("America/New_York", "America/Toronto", False),
        ("Etc/GMT+5", "America/New_York", False),
        ("America/Phoenix", "America/Denver", False),
        ("EST", "EST", False),
        (None, None, False),
    ],
)
def test_it_compares_zones_not_spellings(a: str | None, b: str | None, equal: bool) -> None:
    assert same_zone(a, b) is equal
    assert same_zone(b, a) is equal


def test_the_tables_hold_what_the_vendors_list() -> None:
    assert len(RAILS) == 151
    assert len(win_tz) >= 130
    for name, zones in RAILS.items():
        expected = "conflict" if len(zones) > 1 else convert(name).outcome
        assert convert(name).outcome == expected
        assert convert(name).zone is not None or len(zones) > 1
    for name in win_tz:
        assert convert(name).zone, name


def test_every_zone_the_tables_name_is_canonical_and_exists() -> None:
    named = {zone for zones in ABBREVIATIONS.values() for zone in zones} | set(LINKS_BY_PLACE.values())
    for zone in named:
        assert convert(zone).zone == zone
        assert ZoneInfo(zone).key == zone


def test_it_keeps_a_place_its_own_name_and_replaces_old_ones() -> None:
    from importlib.resources import files

    names = set(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}
    abbreviations = {name for name in names if name.upper() in ABBREVIATIONS}
    assert abbreviations == {"EST", "HST", "MST"}
    for name in names - abbreviations:
        zone = convert(name).zone
        assert zone is not None
        assert convert(zone).zone == zone, "canonical once is canonical for good"


@given(st.text(max_size=220))
def test_any_text_gives_a_reading(text: str) -> None:
    reading = convert(text)
    assert isinstance(reading, ZoneReading)
    assert (reading.zone is None) == (reading.outcome == "conflict")
    assert len(reading.candidates) <= MAX_CANDIDATES
    assert reading.note.isprintable()


@pytest.mark.parametrize("piece", ["(", "(UTC+", "+1", " ", "&amp;", "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"])
def test_a_long_hostile_string_costs_nothing(piece: str) -> None:
    for length in (180, 100_000):
        raw = (piece * length)[:length]
        started = time.process_time()
        convert(raw)
        assert time.process_time() - started < 0.05
