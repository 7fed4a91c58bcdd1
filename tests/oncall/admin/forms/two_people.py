"""The forms of the admin that two people can have open at once, and what the second person can do meanwhile.

The tables must contain each form, each inline and each collection of cards; a test compares them with the admin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.operations import Actor, write
from oncall.selectors.states import load_states

#: The address part of each admin that saves through the operations, and the kind of its rows.
KINDS: Final[Mapping[str, Kind]] = {
    "responder": "responder", "usergroup": "user_group", "schedule": "schedule",
    "escalationpolicy": "escalation_policy", "service": "service",
}  # fmt: skip
#: Admins without a form of an aggregate, and why two people cannot lose anything in them.
OTHERS: Final = {
    "oncall.User": "an account has no elements; tests/oncall/admin/test_two_administrators.py tests its fields",
    "oncall.ChangeRecord": "read-only", "syncjobs.Invitation": "read-only",
    "syncjobs.Rule": "a page with buttons and no field",
    "syncjobs.SyncProfile": "one field, refused if it changed; tests/syncjobs/admin/test_automatic.py tests it",
    "syncjobs.Conflict": "read-only", "syncjobs.SyncRun": "read-only",
}  # fmt: skip
#: Admins of rows without a version: values of a row, what the first person enters, and what the second person stores.
COMPARED: Final[Mapping[str, tuple[dict[str, Any], dict[str, str], dict[str, Any]]]] = {
    "auth.Group": ({"name": "Readers"}, {"name": "Mine"}, {"name": "Theirs"}),
    "connectors.Connection": (
        {"name": "acme", "provider": "pagerduty", "settings": {"subdomain": "acme", "region": "us"}},
        {"name": "Mine"}, {"name": "Theirs"},
    ),
}  # fmt: skip

LAYER: Final[Mapping[str, Any]] = {
    "windows": [{"type": "always"}],
    "turns": {
        "type": "by_time", "anchor": "2026-03-02T09:00:00", "length": 604_800, "unit": "seconds", "clock": "wall",
    },
    "zone": None, "starts_at": None, "ends_at": None,
}  # fmt: skip


def layer(number: int) -> dict[str, Any]:
    return {"key": f"3:L{number}", "name": f"Layer {number}", "participants": [f"person:3:P{number}"], **LAYER}


def level(number: int) -> dict[str, Any]:
    return {"wait": number, "distribution": "everyone", "targets": [{"kind": "responder", "key": f"3:P{number}"}]}


def shift(number: int) -> dict[str, Any]:
    return {
        "starts_at": f"2100-03-0{number + 1}T10:00:00Z",
        "ends_at": "2100-04-01T10:00:00Z",
        "by_key": f"person:3:P{number}",
    }


@dataclass(frozen=True)
class Part:
    """The cards or elements of one kind in a form.

    make: the stored values of the item with a number. typed: what the first person enters in a field of an item, and
    what is stored then. same, other: what the second person stores in the same field, and in another. shown_same: how
    the page shows the former.
    """

    model: str
    name: str
    make: Callable[[int], dict[str, Any]]
    typed: tuple[str, str, dict[str, Any]]
    same: dict[str, Any]
    other: dict[str, Any]
    shown_same: str
    cards: bool = False
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.model}.{self.name}"

    @property
    def kind(self) -> Kind:
        return KINDS[self.model]

    def key(self, number: int) -> str:
        return f"3:L{number}" if self.cards else f"3:E{number}"


ROLE: Final = {"role": "Their role"}
METHOD: Final = {"channel": "sms", "address": "+49 30 1", "extension": "", "label": "", "enabled": True}
_LATER: Final = {"ends_at": "2100-06-01T10:00:00Z"}
_TYPED_END: Final = ("ends", "2100-05-01T10:00", {"ends_at": "2100-05-01T10:00:00Z"})
PARTS: Final = (
    Part("responder", "contact_methods", lambda n: {**METHOD, "address": f"+49 30 {n}"},
         ("label", "Typed", {"label": "Typed"}), {"label": "Theirs"}, {"address": "+1 2"}, "“Theirs”"),
    Part("responder", "notification_rules",
         lambda n: {"urgency": "any", "delay": n, "method_key": "3:M", "windows": [f"w{n}"]},
         ("delay", "77", {"delay": 77}), {"delay": 88}, {"urgency": "high"}, "“88”",
         beside={"contact_methods": {"3:M": METHOD}}),
    Part("responder", "substitutions", lambda n: {**shift(n), "scope": [f"3:G{n}"]},
         _TYPED_END, _LATER, {"by_key": "vacant"}, "2100-06-01"),
    Part("usergroup", "members", lambda n: {"person_key": f"3:P{n}", "role": f"role {n}"},
         ("imported_role", "Typed", {"role": "Typed"}), {"role": "Theirs"}, {"person_key": "3:PX"}, "“Theirs”"),
    Part("schedule", "overrides",
         lambda n: {**shift(n), "sources": ["3:L1"], "replaces": "person:3:PR", "covers_gaps": False, "rank": 3},
         _TYPED_END, _LATER, {"by_key": "vacant"}, "2100-06-01"),
    Part("schedule", "layers", layer, ("name", "Typed", {"name": "Typed"}), {"name": "Theirs"},
         {"participants": ["vacant"]}, "“Theirs”", cards=True),
    Part("escalationpolicy", "levels", level, ("wait", "77", {"wait": 77}), {"wait": 88},
         {"distribution": "round_robin"}, "“88”", cards=True),
)  # fmt: skip


class World:
    """One aggregate with three items of a part. The second person changes them with the operations."""

    def __init__(self, part: Part, make: Callable[..., int], by: Actor) -> None:
        self.part, self.by = part, by
        items = {part.key(n): part.make(n) for n in range(3)}
        beside = {name: dict(rows) for name, rows in part.beside.items()}
        zone = {"time_zone": "UTC"} if part.model in ("schedule", "responder") else {}
        if part.cards:
            self.pk = make(part.kind, beside, **{part.name: self._json(list(items.values()))}, **zone)
        else:
            self.pk = make(part.kind, {**beside, part.name: items}, **zone)

    def _json(self, cards: list[dict[str, Any]]) -> dict[str, Any]:
        return {"format": 1, self.part.name: cards}

    @property
    def items(self) -> list[dict[str, Any]]:
        """The stored items: cards in their order, elements by key."""
        state = load_states(self.part.kind, [self.pk])[self.pk]
        if self.part.cards:
            cards: list[dict[str, Any]] = state.fields[self.part.name][self.part.name]
            return cards
        return [dict(values) for _, values in sorted(state.elements[self.part.name].items())]

    def write(self, fields: Mapping[str, Any], changes: Mapping[str, ElementChanges] | None = None) -> None:
        version = load_states(self.part.kind, [self.pk])[self.pk].version
        write(self.part.kind, [Draft(fields, changes or {}, id=self.pk, version=version)], by=self.by)

    def put(self, *cards: dict[str, Any]) -> None:
        self.write({self.part.name: self._json(list(cards))})

    def edit(self, number: int, **values: Any) -> None:
        if self.part.cards:
            self.put(*(({**each, **values} if n == number else each) for n, each in enumerate(self.items)))
        else:
            key = self.part.key(number)
            self.write({}, {self.part.name: ElementChanges({key: {**self.part.make(number), **values}})})

    def add(self, number: int) -> None:
        new = self.part.make(number)
        if self.part.cards:
            self.put(new, *self.items)
        else:
            self.write({}, {self.part.name: ElementChanges({self.part.key(number): new})})

    def remove(self, *numbers: int) -> None:
        if self.part.cards:
            self.put(*(each for n, each in enumerate(self.items) if n not in numbers))
        else:
            keys = frozenset(self.part.key(n) for n in numbers)
            self.write({}, {self.part.name: ElementChanges(remove=keys)})
