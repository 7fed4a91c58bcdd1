"""Says in one line what the object of an item is: the pattern of a schedule, the levels of a policy, the members."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from oncall.masking import without_addresses
from syncjobs.models import SyncItem
from syncjobs.words.names import Names
from syncjobs.words.values import INDENT, NameOf, element_line, elements_in_words, field_lines

#: So many layers, levels or members are named; the others are counted.
_MOST: Final = 3
_COUNTED: Final = ("overrides", "extra_shifts")


def request_facts(items: Iterable[SyncItem], names: Names) -> None:
    """Request the names of :func:`facts_of`, so that they are loaded together with others."""
    for item in items:
        _fact(item, names)


def facts_of(items: Iterable[SyncItem], names: Names, *, with_addresses: bool) -> dict[int, str]:
    """Return item id -> the line; items that change nothing of this have no entry. The names were requested."""
    names.load()
    facts = {item.pk: fact for item in items if (fact := _fact(item, names))}
    return facts if with_addresses else without_addresses(facts)


def _fact(item: SyncItem, name_of: NameOf) -> str:
    new = {path: change[1] for path, change in item.changes.get("fields", {}).items()}
    added = {
        collection: [values for _, values in changes.values() if values is not None]
        for collection, changes in item.changes.get("elements", {}).items()
    }
    match item.entity_type:
        case "schedule":
            parts = [*_pattern(new, name_of), *(elements_in_words(word, len(added.get(word, ()))) for word in _COUNTED)]
            return "; ".join(part for part in parts if not part.startswith("0 "))
        case "escalation_policy":
            lines = [line.strip() for line in field_lines("levels", new.get("levels"), name_of)]
            more = f"; and {len(lines) - _MOST} more lines" if len(lines) > _MOST else ""
            return "; ".join(lines[:_MOST]) + more
        case "user_group":
            members = added.get("members", ())
            named = [element_line("members", values, name_of) for values in members[:_MOST]]
            more = f" and {len(members) - _MOST} more" if len(members) > _MOST else ""
            return f"{elements_in_words('members', len(members))}: {', '.join(named)}{more}" if members else ""
        case "service":
            both = (new.get(path) and field_lines(path, new[path], name_of)[0] for path in ("group_key", "policy_key"))
            return " · ".join(filter(None, both))
    return ""


def _pattern(new: Mapping[str, Any], name_of: NameOf) -> list[str]:
    """Return a line for each layer of a schedule: who takes turns, and when they hand over."""
    layers: list[list[str]] = []
    for line in field_lines("layers", new.get("layers"), name_of):
        if line.startswith(INDENT) and layers:
            layers[-1].append(line.strip())
        else:
            layers.append([line])
    lines = [", ".join(layer) for layer in layers[:_MOST]]
    more = len(layers) - _MOST
    return [*lines, f"{more} more layers"] if more > 0 else lines
