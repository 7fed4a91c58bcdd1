"""Spoiling a JSON answer: the same chance gives the same answer."""

import copy
import random
from collections.abc import Callable
from typing import Any

#: Strange texts; what JSON cannot carry as such (a lone surrogate, NUL) it carries escaped.
TEXTS = (
    "", " ", "\x00", "\ud800", "\u202eabc", "🙈" * 30, "é", "null", "0", "-1", "NaN", "../..", "a/b?c#d", "%2e%2e",
    "<script>x</script>", "2026-03-29T02:30:00+01:00", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "2026-03-01T00:00:00", "24:00:00", "Etc/Nowhere", "Europe/Berlin ", "x" * 200_000,
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, -(2**63), 10**39, 0.5, 1e308, -0.0, 7_258_118_400)
OTHERS = (None, True, False, [], {}, [None], [[]], {"id": None}, [{}], {"": ""})


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


#: A place in an answer: what holds it, and its key or index there.
Place = tuple[Any, Any]


def _places(value: Any) -> list[Place]:
    found: list[Place] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        keys = holder.keys() if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _drop(place: Place, chance: random.Random) -> None:
    del place[0][place[1]]


def _null(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = None


def _retype(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = copy.deepcopy(chance.choice((*OTHERS, *NUMBERS, "text")))


def _text(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = chance.choice(TEXTS)


def _number(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = chance.choice(NUMBERS)


def _wrap(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = [place[0][place[1]]] if chance.random() < 0.5 else {"value": place[0][place[1]]}


def _deepen(place: Place, chance: random.Random) -> None:
    place[0][place[1]] = _nested(chance.choice((3, 50, 70, 300)))


def _repeat(place: Place, chance: random.Random) -> None:
    """The same twice, or as often as nobody expects."""
    value = place[0][place[1]]
    place[0][place[1]] = value * chance.choice((2, 100)) if isinstance(value, list | str) else [value, value]


def _swap(place: Place, chance: random.Random) -> None:
    """A value that belongs elsewhere in the same answer's object."""
    if isinstance(place[0], dict):
        place[0][place[1]] = copy.deepcopy(chance.choice(list(place[0].values())))


_OPERATIONS: tuple[Callable[[Place, random.Random], None], ...] = (
    _drop, _drop, _null, _null, _retype, _retype, _text, _text, _number, _wrap, _deepen, _repeat, _swap,
)  # fmt: skip


def _everywhere(places: list[Place], name: str) -> None:
    for holder, key in places:
        if key == name and isinstance(holder, dict):
            holder.pop(name, None)


def _is_there(place: Place) -> bool:
    """Whether an earlier change has left it."""
    holder, key = place
    return key in holder if isinstance(holder, dict) else key < len(holder)


def mutated(body: Any, chance: random.Random) -> Any:
    """Another body: one to three places changed, rarely one key left out everywhere, or another answer altogether.
    ``body`` itself is changed."""
    kind = chance.random()
    if kind < 0.02:
        return copy.deepcopy(chance.choice((*OTHERS, *NUMBERS, *TEXTS)))
    places = _places(body)
    if kind < 0.1:
        names = sorted({key for holder, key in places if isinstance(holder, dict)})
        if names:
            _everywhere(places, chance.choice(names))
            return body
    for place in chance.sample(places, min(len(places), chance.choice((1, 1, 2, 3)))):
        if _is_there(place):
            chance.choice(_OPERATIONS)(place, chance)
    return body
