"""The fields and collections of the five kinds of on-call objects, for writing, reading and comparing them.

A *state* is a mapping of JSON values: instants are ISO text that ends in Z, layers and levels have their stored form,
and references are keys. Pure: no Django.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from unicodedata import normalize

Kind = Literal["responder", "user_group", "schedule", "escalation_policy", "service"]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """Elements of an aggregate, each with its own key. time_bounded: whether the elements end at an instant."""

    name: str
    fields: tuple[str, ...]
    time_bounded: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A kind of object.

    fields: single-valued, in the order of the pages. quiet: a first difference of these is decided without asking.
    """

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
    """The stored values of an aggregate.

    elements: collection name -> element key -> values. The key of an element without a source starts with ``local:``.
    """

    fields: Values
    elements: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    id: int | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class ElementChanges:
    """Changes of a collection. put: element key -> all values, to create or replace. remove: element keys."""

    put: Mapping[str, Values] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A change of an aggregate that is to be written.

    fields: only the fields to set. id: None to create a row. version: the version of the row on which the draft is
    based. origin: the label of the source of a new row, empty for a local row.
    """

    fields: Values
    elements: Mapping[str, ElementChanges] = field(default_factory=dict)
    id: int | None = None
    version: int = 0
    origin: str = ""
    account_id: int | None = None


def fold(name: str) -> str:
    """Returns the form in which equal names are equal: NFKC, case folded, without extra spaces."""
    return " ".join(normalize("NFKC", name).casefold().split())
