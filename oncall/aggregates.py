"""What the five kinds of on-call objects consist of: the one list of fields and collections.

Operations write by it, selectors read by it, planning compares by it. A *state* is a plain JSON-like mapping: instants
as ISO text ending in Z, layers and levels in their stored form, references as keys. Pure: no Django.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from unicodedata import normalize

Kind = Literal["responder", "user_group", "schedule", "escalation_policy", "service"]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """Elements of one aggregate, each with its own key. time_bounded: elements have an end and pass into history."""

    name: str
    fields: tuple[str, ...]
    time_bounded: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """fields: single-valued, in the order people read them. quiet: a first difference of these is settled silently."""

    kind: Kind
    fields: tuple[str, ...]
    collections: tuple[Collection, ...] = ()
    quiet: frozenset[str] = frozenset()

    def collection(self, name: str) -> Collection:
        return next(c for c in self.collections if c.name == name)


AGGREGATES: Mapping[Kind, Aggregate] = {
    aggregate.kind: aggregate
    for aggregate in (
        Aggregate(
            "responder",
            ("name", "email", "time_zone", "title", "state", "active"),
            (
                Collection("contact_methods", ("channel", "address", "extension", "label", "enabled")),
                Collection("notification_rules", ("urgency", "delay", "method_key", "windows")),
                Collection("substitutions", ("by_key", "scope", "starts_at", "ends_at"), time_bounded=True),
            ),
            quiet=frozenset({"name", "title", "time_zone"}),
        ),
        Aggregate(
            "user_group",
            ("name", "description", "active"),
            (Collection("members", ("person_key", "role")),),
            quiet=frozenset({"description"}),
        ),
        Aggregate(
            "schedule",
            ("name", "description", "time_zone", "zone_state", "composition", "layers", "group_keys", "active"),
            (
                Collection("extra_shifts", ("starts_at", "ends_at", "by_key"), time_bounded=True),
                Collection(
                    "overrides",
                    ("starts_at", "ends_at", "by_key", "sources", "replaces", "covers_gaps", "rank"),
                    time_bounded=True,
                ),
            ),
            quiet=frozenset({"description"}),
        ),
        Aggregate(
            "escalation_policy",
            (
                "name",
                "description",
                "initial_wait",
                "levels",
                "repeat_count",
                "after_last",
                "unstaffed_level",
                "resolved",
                "part_of_key",
                "group_key",
                "active",
            ),
            quiet=frozenset({"description"}),
        ),
        Aggregate(
            "service",
            ("name", "description", "policy_key", "group_key", "active"),
            quiet=frozenset({"description"}),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class State:
    """One aggregate as it stands. elements: collection name -> element key -> values; an element nobody's sync owns has
    a key starting with ``local:``."""

    fields: Values
    elements: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    id: int | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class ElementChanges:
    """put: element key -> all its values (created or replaced). remove: element keys."""

    put: Mapping[str, Values] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A wanted change of one aggregate. id None: create it. version: the row version it was made from.

    fields: only those to set. origin: the label of the source a created row comes from, empty for a local one.
    """

    fields: Values
    elements: Mapping[str, ElementChanges] = field(default_factory=dict)
    id: int | None = None
    version: int = 0
    origin: str = ""
    account_id: int | None = None


def fold(name: str) -> str:
    """The form in which two names count as the same: NFKC, case folded, blanks collapsed."""
    return " ".join(normalize("NFKC", name).casefold().split())
