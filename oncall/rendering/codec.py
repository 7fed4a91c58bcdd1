"""Converts schedule values to JSON and back. Schedules are stored and compared as this JSON.

Readings are ISO local date-times, instants are ISO date-times that end in Z, so people can read a stored layer.
Switches with their default value are left out: equal specs give equal JSON.
"""

from datetime import UTC, datetime
from typing import Any, get_args

from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    Frequency,
    InvalidSpec,
    Layer,
    Participant,
    ParticipantKind,
    Recurring,
    Rule,
    Turns,
    Weekly,
    Window,
)

FORMAT = 1
Json = dict[str, Any]


def instant_to_text(instant: int) -> str:
    """Returns an instant as an ISO date and time that ends in Z."""
    return f"{reading_to_text(instant)}Z"


def instant_from_text(text: str) -> int:
    """Returns the instant of an ISO text. Raises ValueError if the text has no offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} is not an instant: it has no offset")
    return int(instant.timestamp())


def reading_to_text(reading: int) -> str:
    """Returns a reading as an ISO date and time without an offset."""
    return datetime.fromtimestamp(reading, UTC).replace(tzinfo=None).isoformat()


def reading_from_text(text: str) -> int:
    """Returns the reading of an ISO text. Raises ValueError if the text has an offset."""
    reading = datetime.fromisoformat(text)
    if reading.tzinfo is not None:
        raise ValueError(f"{text!r} is not a wall-clock reading: it has an offset")
    return int(reading.replace(tzinfo=UTC).timestamp())


def participant_to_text(participant: Participant) -> str:
    """Returns ``person:<id>``, ``group:<id>``, ..., or ``vacant``."""
    return "vacant" if participant.kind == "vacant" else f"{participant.kind}:{participant.id}"


def participant_from_text(text: str) -> Participant:
    """Inverse of :func:`participant_to_text`. Raises InvalidSpec for an unknown kind."""
    kind, _, id_ = text.partition(":")
    for known in get_args(ParticipantKind):
        if kind == known:
            return Participant(known, id_)
    raise InvalidSpec("participant", f"unknown kind {kind!r}")


def _window_to_json(window: Window) -> Json:
    match window:
        case Always():
            return {"type": "always"}
        case Daily():
            return {"type": "daily", "start": window.start, "duration": window.duration}
        case Weekly():
            return {"type": "weekly", "weekday": window.weekday, "start": window.start, "duration": window.duration}
        case Recurring():  # pragma: no branch - mypy proves these are all
            rule = window.rule
            data: Json = {
                "type": "recurring",
                "rule": {
                    "frequency": rule.frequency,
                    "interval": rule.interval,
                    "by_day": [list(pair) for pair in rule.by_day],
                    "by_month_day": list(rule.by_month_day),
                    "by_month": list(rule.by_month),
                    "week_start": rule.week_start,
                    "count": rule.count,
                    "until": None if rule.until is None else reading_to_text(rule.until),
                },
                "first": reading_to_text(window.first),
                "duration": window.duration,
                "excluded": [reading_to_text(r) for r in window.excluded],
                "added": [reading_to_text(r) for r in window.added],
            }
            if window.first_at is not None:
                data["first_at"] = instant_to_text(window.first_at)
            if window.late:
                data["late"] = [instant_to_text(i) for i in window.late]
            return data


#: The values of the fields that have a fixed set of them.
_WORDS = {
    "frequency": get_args(Frequency),
    "unit": ("seconds", "months"),
    "clock": ("wall", "elapsed"),
    "clip": ("cut", "drop"),
    "window_edge": ("membership", "boundary"),
}


def _word(data: Json, name: str) -> Any:
    """Returns a value of :data:`_WORDS`. Raises ValueError for any other value."""
    if data[name] not in _WORDS[name]:
        raise ValueError(f"{name} is {data[name]!r}; it must be one of {', '.join(_WORDS[name])}")
    return data[name]


def _whole(number: object) -> int:
    """Returns a whole number. Raises TypeError for any other value."""
    if type(number) is not int:
        raise TypeError(f"{number!r} is not a whole number")
    return number


def _window_from_json(data: Json) -> Window:
    match data["type"]:
        case "always":
            return Always()
        case "daily":
            return Daily(_whole(data["start"]), _whole(data["duration"]))
        case "weekly":
            return Weekly(_whole(data["weekday"]), _whole(data["start"]), _whole(data["duration"]))
        case "recurring":
            rule = data["rule"]
            return Recurring(
                rule=Rule(
                    frequency=_word(rule, "frequency"),
                    interval=_whole(rule["interval"]),
                    by_day=tuple((_whole(ordinal), _whole(weekday)) for ordinal, weekday in rule["by_day"]),
                    by_month_day=tuple(map(_whole, rule["by_month_day"])),
                    by_month=tuple(map(_whole, rule["by_month"])),
                    week_start=_whole(rule["week_start"]),
                    count=None if rule["count"] is None else _whole(rule["count"]),
                    until=None if rule["until"] is None else reading_from_text(rule["until"]),
                ),
                first=reading_from_text(data["first"]),
                duration=_whole(data["duration"]),
                excluded=tuple(reading_from_text(t) for t in data["excluded"]),
                added=tuple(reading_from_text(t) for t in data["added"]),
                first_at=instant_from_text(data["first_at"]) if "first_at" in data else None,
                late=tuple(instant_from_text(t) for t in data.get("late", ())),
            )
        case other:
            raise InvalidSpec("windows", f"unknown type {other!r}")


def _turns_to_json(turns: Turns) -> Json:
    match turns:
        case ByTime():
            anchor = reading_to_text(turns.anchor) if turns.clock == "wall" else instant_to_text(turns.anchor)
            return {
                "type": "by_time",
                "anchor": anchor,
                "length": turns.length,
                "unit": turns.unit,
                "clock": turns.clock,
            }
        case ByOccurrence():
            return {"type": "by_occurrence", "shifts_per_participant": turns.shifts_per_participant}
        case Everyone():  # pragma: no branch - mypy proves these are all
            return {"type": "everyone"}


def turns_from_json(data: Json) -> Turns:
    """Returns the ``turns`` of a stored layer. Raises InvalidSpec for an unknown type."""
    match data["type"]:
        case "by_time":
            read = reading_from_text if _word(data, "clock") == "wall" else instant_from_text
            return ByTime(read(data["anchor"]), _whole(data["length"]), _word(data, "unit"), data["clock"])
        case "by_occurrence":
            return ByOccurrence(_whole(data["shifts_per_participant"]))
        case "everyone":
            return Everyone()
        case other:
            raise InvalidSpec("turns", f"unknown type {other!r}")


_SWITCHES = {"excluded_occurrence_uses_turn": True, "clip": "cut", "window_edge": "membership"}


def layer_to_json(layer: Layer) -> Json:
    """Returns one layer as a JSON object. Switches with their default value are left out."""
    data: Json = {
        "key": layer.key,
        "name": layer.name,
        "windows": [_window_to_json(w) for w in layer.windows],
        "turns": _turns_to_json(layer.turns),
        "participants": [participant_to_text(p) for p in layer.participants],
        "zone": layer.zone,
        "starts_at": None if layer.starts_at is None else instant_to_text(layer.starts_at),
        "ends_at": None if layer.ends_at is None else instant_to_text(layer.ends_at),
    }
    return data | {name: getattr(layer, name) for name, default in _SWITCHES.items() if getattr(layer, name) != default}


def layer_from_json(data: Json) -> Layer:
    """Inverse of :func:`layer_to_json`. Raises InvalidSpec with the name of the layer."""
    try:
        return Layer(
            key=data["key"],
            name=data["name"],
            windows=tuple(_window_from_json(w) for w in data["windows"]),
            turns=turns_from_json(data["turns"]),
            participants=tuple(participant_from_text(p) for p in data["participants"]),
            zone=data["zone"],
            starts_at=None if data["starts_at"] is None else instant_from_text(data["starts_at"]),
            ends_at=None if data["ends_at"] is None else instant_from_text(data["ends_at"]),
            **{name: _word(data, name) if name in _WORDS else data[name] for name in _SWITCHES if name in data},
        )
    except KeyError as missing:
        raise InvalidSpec(f"layer {data.get('name', '?')!r}", f"{missing.args[0]} is missing") from missing
    except (TypeError, ValueError) as wrong:
        if isinstance(wrong, InvalidSpec):
            raise
        raise InvalidSpec(f"layer {data.get('name', '?')!r}", str(wrong)) from wrong


def layers_to_json(layers: tuple[Layer, ...]) -> Json:
    """Returns the stored form: ``{"format": 1, "layers": [...]}``."""
    return {"format": FORMAT, "layers": [layer_to_json(layer) for layer in layers]}


def layers_from_json(data: Json) -> tuple[Layer, ...]:
    """Inverse of :func:`layers_to_json`. Raises InvalidSpec, also for another format number."""
    if data.get("format") != FORMAT:
        raise InvalidSpec("layers", f"are stored in format {data.get('format')!r}; this version reads format {FORMAT}")
    return tuple(layer_from_json(layer) for layer in data["layers"])
