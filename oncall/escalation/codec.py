"""Converts escalation levels to JSON and back. Policies are stored and compared as this JSON.

Equal levels give equal JSON.
"""

from dataclasses import fields

from oncall.escalation.policy import Level, Target
from oncall.rendering.codec import Json

FORMAT = 1
_OPTIONAL = {f.name: f.default for f in fields(Target) if f.name not in ("kind", "key")}


class InvalidPolicy(ValueError):
    """Levels cannot be read. path: the invalid place, for example ``levels[1].targets[0]``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def target_to_json(target: Target) -> Json:
    data: Json = {"kind": target.kind, "key": target.key}
    for name, default in _OPTIONAL.items():
        value = getattr(target, name)
        if value != default:
            data[name] = list(value) if isinstance(value, tuple) else value
    return data


def _target_from_json(data: Json) -> Target:
    given = dict(data)
    if given.get("layers") is not None:
        given["layers"] = tuple(given["layers"])
    return Target(**given)


def levels_to_json(levels: tuple[Level, ...]) -> Json:
    """Returns the stored form: ``{"format": 1, "levels": [...]}``."""
    return {
        "format": FORMAT,
        "levels": [
            {
                "wait": level.wait,
                "distribution": level.distribution,
                "targets": [target_to_json(target) for target in level.targets],
            }
            for level in levels
        ],
    }


def levels_from_json(data: Json) -> tuple[Level, ...]:
    """Returns levels from their stored form. Raises InvalidPolicy."""
    if data.get("format") != FORMAT:
        raise InvalidPolicy(
            "levels", f"are stored in format {data.get('format')!r}; this version reads format {FORMAT}"
        )
    levels = []
    for index, level in enumerate(data["levels"]):
        try:
            targets = tuple(_target_from_json(target) for target in level["targets"])
            levels.append(Level(level["wait"], level["distribution"], targets))
        except (KeyError, TypeError) as wrong:
            raise InvalidPolicy(f"levels[{index}]", str(wrong)) from wrong
    return tuple(levels)
