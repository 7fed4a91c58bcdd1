"""Shows values of on-call objects as lines of text, with names instead of keys. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from oncall.aggregates import Kind
from oncall.escalation.codec import InvalidPolicy, levels_from_json
from oncall.escalation.policy import Level, Target
from oncall.holders import holder_in_words
from oncall.rendering.codec import instant_to_text, layers_from_json, participant_from_text, participant_to_text
from oncall.rendering.spec import (
    UNREADABLE,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    InvalidSpec,
    Layer,
    Participant,
    Recurring,
    Rule,
    Weekly,
    Window,
)
from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK

#: Returns the name of an object. Arguments: its kind or "contact_method", and its key.
NameOf = Callable[[str, str], str]
Lines = tuple[str, ...]
INDENT: Final = "    "

FIELD_WORDS: Final[Mapping[str, str]] = {
    "active": "Active",
    "after_last": "After the last round",
    "composition": "Layers together",
    "contact_methods": "Contact methods",
    "description": "Description",
    "email": "E-mail address",
    "extra_shifts": "Extra shifts",
    "group_key": "User group",
    "group_keys": "User groups",
    "initial_wait": "Wait before the first level",
    "layers": "Layers",
    "levels": "Levels",
    "members": "Members",
    "name": "Name",
    "notification_rules": "Notification rules",
    "overrides": "Overrides",
    "part_of_key": "Part of",
    "policy_key": "Escalation policy",
    "repeat_count": "Extra rounds",
    "resolved": "On-call is looked up",
    "state": "State at the source",
    "substitutions": "Substitutions",
    "time_zone": "Time zone",
    "title": "Job title",
    "unstaffed_level": "A level with nobody on call",
    "zone_state": "Time zone is",
}
_WORDS: Final[Mapping[tuple[str, Any], str]] = {
    ("after_last", "nothing"): "nothing happens",
    ("after_last", "close"): "the alert is closed",
    ("composition", "stacked"): "the first layer with somebody on call wins",
    ("composition", "concurrent"): "all layers count",
    ("resolved", "level"): "when each level starts",
    ("resolved", "start"): "once, at the start",
    ("unstaffed_level", "skip"): "is skipped",
    ("unstaffed_level", "skip_within_round"): "is skipped, except for the wait before the next round",
    ("unstaffed_level", "wait"): "waits as usual",
    ("zone_state", "ok"): "known",
}
_KEY_FIELDS: Final[Mapping[str, Kind]] = {
    "group_key": "user_group",
    "part_of_key": "escalation_policy",
    "policy_key": "escalation_policy",
}
_PARTICIPANTS: Final[Mapping[str, tuple[str, str]]] = {
    "person": ("responder", ""),
    "group": ("user_group", "everybody in "),
    "group_routing": ("user_group", "whoever is on call for "),
    "policy": ("escalation_policy", "escalation policy "),
}
_TARGETS: Final[Mapping[str, tuple[str, str]]] = {
    "responder": ("responder", ""),
    "schedule": ("schedule", "schedule "),
    "user_group": ("user_group", "user group "),
    "group_routing": ("user_group", "whoever is on call for "),
    "escalation_policy": ("escalation_policy", "escalation policy "),
}
_WEEKDAYS: Final = ("", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ORDINALS: Final = {0: "", 1: "1st ", 2: "2nd ", 3: "3rd ", 4: "4th ", 5: "5th ", -1: "last "}
_UNITS: Final = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second"))
_PERIODS: Final = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


def field_word(path: str) -> str:
    """Return the label of a field or collection; for the path of an element, that of its collection."""
    top = path.split(".", 1)[0]
    return FIELD_WORDS.get(top, top.replace("_", " ").capitalize())


def field_lines(path: str, value: Any, name_of: NameOf, now: str = "") -> Lines:
    """Return the lines of a single-valued field; none if the value is empty.

    now: ISO instant; earlier starts of layers are left out. All lines of a layer but the first begin with INDENT.
    """
    if value is None or value == "" or value == []:
        return ()
    if path == "layers":
        return _layers(value, name_of, now)
    if path == "levels":
        return _levels(value, name_of)
    if path == "group_keys":
        return tuple(name_of("user_group", key) for key in value)
    if path in _KEY_FIELDS:
        return (name_of(_KEY_FIELDS[path], value),)
    if path == "initial_wait":
        return (span(value * 60),) if value else ("none",)
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    return tuple(str(_WORDS.get((path, value), value)).splitlines())


def element_line(collection: str, values: Mapping[str, Any], name_of: NameOf) -> str:
    """Return an element of a collection as one line."""
    match collection:
        case "contact_methods":
            label = f" ({values['label']})" if values["label"] else ""
            off = "" if values["enabled"] else ", switched off"
            # Items of earlier releases have no extension.
            extension = f" ext. {values['extension']}" if values.get("extension") else ""
            return f"{values['channel']} {values['address'] or 'address not reported'}{extension}{label}{off}"
        case "notification_rules":
            when = f"after {span(values['delay'] * 60)}" if values["delay"] else "at once"
            method = name_of("contact_method", values["method_key"]) if values["method_key"] else "nothing"
            limited = ", at certain times only" if values["windows"] else ""
            return f"{values['urgency']} urgency: {when} by {method}{limited}"
        case "members":
            role = f" ({values['role']})" if values["role"] else ""
            return name_of("responder", values["person_key"]) + role
        case "substitutions":
            return f"{who_in_words(values['by_key'], name_of)} replaces the person, {_range(values)}"
        case "overrides":
            instead = f" instead of {who_in_words(values['replaces'], name_of)}" if values["replaces"] else ""
            return f"{who_in_words(values['by_key'], name_of)}{instead}, {_range(values)}"
        case "extra_shifts":
            return f"{who_in_words(values['by_key'], name_of)}, {_range(values)}"
        case _:
            return ", ".join(f"{name} {value}" for name, value in values.items())


def elements_in_words(collection: str, number: int) -> str:
    """Return a number of elements, such as ``2 overrides``."""
    plural = field_word(collection).lower()
    return f"{number} {plural.removesuffix('s') if number == 1 else plural}"


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return the elements of several collections, such as ``1 layer and 2 overrides``."""
    *others, last = (elements_in_words(collection, number) for collection, number in sorted(counts.items()))
    return f"{', '.join(others)} and {last}" if others else last


def span(seconds: int) -> str:
    """Return a length in words; for 90000 seconds, ``1 day 1 hour``."""
    parts = []
    for size, word in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {word}{'s' if count > 1 else ''}")
    return " ".join(parts) or "0 seconds"


def when(text: str) -> str:
    """Return a stored instant or reading in the form ``Mon 2 Mar 2026 09:00 UTC``, or any other text unchanged."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{instant:%a} {instant.day} {instant:%b %Y %H:%M}{' UTC' if instant.tzinfo else ''}"


def _range(values: Mapping[str, Any]) -> str:
    return f"{when(str(values['starts_at']))} until {when(str(values['ends_at']))}"


def _reading(reading: int) -> str:
    return when(datetime.fromtimestamp(reading, UTC).replace(tzinfo=None).isoformat())


def who_in_words(text: str, name_of: NameOf) -> str:
    """Return the words for a stored participant."""
    try:
        return _participant(participant_from_text(text), name_of)
    except InvalidSpec:
        return text


def _participant(participant: Participant, name_of: NameOf) -> str:
    if participant.kind not in _PARTICIPANTS:
        return holder_in_words(participant_to_text(participant))
    kind, prefix = _PARTICIPANTS[participant.kind]
    return prefix + name_of(kind, participant.id)


# --- layers -----------------------------------------------------------------------------------------------------------


def _layers(value: Any, name_of: NameOf, now: str) -> Lines:
    try:
        layers = layers_from_json(value)
    except (InvalidSpec, AttributeError, TypeError):
        return (UNREADABLE,)
    return tuple(line for layer in layers for line in _layer(layer, name_of, now)) or ("none",)


def _layer(layer: Layer, name_of: NameOf, now: str) -> Lines:
    people = [_participant(participant, name_of) for participant in layer.participants]
    together = isinstance(layer.turns, Everyone)
    lines = [f"{layer.name or layer.key}: {(' and ' if together else ' → ').join(people) or 'nobody'}"]
    if len(people) > 1 and not together:
        lines.append(_turns(layer))
    lines.append(windows_in_words(layer.windows) + (f", in {layer.zone}" if layer.zone else ""))
    if layer.starts_at is not None and instant_to_text(layer.starts_at) > now:
        lines.append(f"from {_instant(layer.starts_at)}")
    if layer.ends_at is not None:
        lines.append(f"until {_instant(layer.ends_at)}")
    return (lines[0], *(INDENT + line for line in lines[1:]))


def _instant(instant: int) -> str:
    return when(datetime.fromtimestamp(instant, UTC).isoformat())


def _turns(layer: Layer) -> str:
    turns = layer.turns
    if isinstance(turns, ByOccurrence):
        count = turns.shifts_per_participant
        return "hands over after every shift" if count == 1 else f"hands over after every {count} shifts"
    assert isinstance(turns, ByTime)  # noqa: S101 - Everyone has no turns
    length = f"{turns.length} months" if turns.unit == "months" else span(turns.length)
    anchor = _reading(turns.anchor) if turns.clock == "wall" else _instant(turns.anchor)
    return f"hands over every {length.removeprefix('1 ')}, counted from {anchor}"


def windows_in_words(windows: tuple[Window, ...]) -> str:
    """Return the windows of a layer in words, such as ``daily 09:00 to 17:00``."""
    weekly: dict[tuple[int, int], list[int]] = {}
    parts = []
    for window in windows:
        match window:
            case Always():
                parts.append("at all times")
            case Daily():
                parts.append(f"daily {_clock(window.start, window.duration)}")
            case Weekly():
                weekly.setdefault((window.start, window.duration), []).append(window.weekday)
            case Recurring():
                parts.append(_recurring(window))
    parts += [f"{_days(days)} {_clock(*hours)}" for hours, days in weekly.items()]
    return "; ".join(parts) or "never"


def _days(days: list[int]) -> str:
    """Return weekdays in words; for ``[1, 2, 3, 6]``, ``Mon–Wed, Sat``."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{_WEEKDAYS[run[0]]}–{_WEEKDAYS[run[-1]]}" if len(run) > 2 else ", ".join(_WEEKDAYS[day] for day in run)
        for run in runs
    )


def _clock(start: int, duration: int) -> str:
    begins = f"{start // HOUR:02}:{start % HOUR // MINUTE:02}"
    if duration > DAY:
        return f"{begins} for {span(duration)}"
    end = (start + duration) % DAY
    return f"{begins}–{end // HOUR:02}:{end % HOUR // MINUTE:02}"


def _recurring(window: Recurring) -> str:
    rule, extras = window.rule, []
    if window.excluded:
        extras.append(f"{len(window.excluded)} left out")
    if window.added or window.late:
        extras.append(f"{len(window.added) + len(window.late)} added")
    exceptions = f" ({', '.join(extras)})" if extras else ""
    first = _reading(window.first) if window.first_at is None else _instant(window.first_at)
    return f"{_rule(rule)}, {span(window.duration)} each, first {first}{exceptions}"


def _rule(rule: Rule) -> str:
    period = _PERIODS[rule.frequency]
    words = f"every {period}" if rule.interval == 1 else f"every {rule.interval} {period}s"
    if rule.by_day:
        words += " on " + ", ".join(_ORDINALS.get(o, f"{o}. ") + _WEEKDAYS[day] for o, day in rule.by_day)
    if rule.by_month_day:
        words += " on day " + ", ".join("last" if day == -1 else str(day) for day in rule.by_month_day)
    if rule.by_month:
        words += " in month " + ", ".join(str(month) for month in rule.by_month)
    if rule.count is not None:
        words += f", {rule.count} times"
    return words if rule.until is None else f"{words}, until {_reading(rule.until)}"


# --- levels -----------------------------------------------------------------------------------------------------------


def _levels(value: Any, name_of: NameOf) -> Lines:
    try:
        levels = levels_from_json(value)
    except (InvalidPolicy, AttributeError, TypeError):
        return (UNREADABLE,)
    return tuple(_level(number, level, name_of) for number, level in enumerate(levels, 1)) or ("none",)


def _level(number: int, level: Level, name_of: NameOf) -> str:
    joined = ", ".join(_target(target, name_of) for target in level.targets) or "nobody"
    turn = "one of them in turn: " if level.distribution == "round_robin" else ""
    wait = "" if level.wait is None else f"; then wait {span(level.wait * 60)}"
    return f"Level {number}: {turn}{joined}{wait}"


def _target(target: Target, name_of: NameOf) -> str:
    if target.kind == "unresolved":
        return f"{target.label or target.key} ({target.unresolved_kind or 'unknown kind'}, not imported)"
    kind, prefix = _TARGETS[target.kind]
    words = prefix + name_of(kind, target.key)
    if target.mode != "current":
        words += f" ({target.mode} on call)"
    if target.layers is not None:
        words += f" ({len(target.layers)} of its layers)"
    if target.members != "all":
        words += f" ({target.members})"
    return words + (" until closed" if target.condition == "not_closed" else "")
