"""Says what an undo does to a row, to a link and to a question, and why it does not undo something."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from syncjobs.planning.undoing import Former, Moved, Place
from syncjobs.words.values import field_word

DELETED: Final = "is deleted"
BECOMES_INACTIVE: Final = "becomes inactive"
STAYS_INACTIVE: Final = "stays inactive"
UNLINKED: Final = "its account is unlinked"
EDITED_LATER: Final = "it was edited after the run created it, so it is not deleted"
IN_USE: Final = "other rows refer to it, so it is not deleted"
LINKED_LATER: Final = "another source was linked to it after the run created it, so it is not deleted"
FOLLOWED: Final = "the row stays, because another source follows it since the run created it"
DELETED_LATER: Final = "it was deleted here after the run"
THINNED: Final = "its former values are not kept any more, because they are older than PERSONAL_DATA_DAYS"
#: What the reason of a link says that an undo ignores.
UNDONE_IN: Final = "undone in run {}"

_COLUMNS: Final[Mapping[str, str]] = {
    "account": "account",
    "origin_label": "source",
    "merged_into": "row into which it was merged",
}


def path_word(path: str) -> str:
    """Return the word of a path of a change record."""
    if path.startswith("leads."):
        return "leads"
    return _COLUMNS.get(path) or field_word(path).lower()


def kept_in_words(paths: Iterable[str]) -> str:
    """Say which values were edited later."""
    words = Counter(path_word(path) for path in paths)
    return "edited later, kept: " + ", ".join(word if n == 1 else f"{word} ({n})" for word, n in words.items())


def values_in_words(former: Former, row_id: int | None, moved: Sequence[Moved]) -> list[str]:
    """Say which values a row gets back or loses. moved: the elements that come from another row, or go there."""
    parts, lost = [path_word(path) for path in former.fields], []
    for name, keys in former.elements.items():
        back = sum(value is not None for value in keys.values())
        parts += [f"{path_word(name)} ({back})"] if back else []
        lost += [f"{path_word(name)} ({len(keys) - back})"] if back < len(keys) else []
    parts += [path_word(name) for name in ("origin_label",) if name in former.columns]
    done = [f"{verb}: {', '.join(words)}" for verb, words in (("gets back", parts), ("loses", lost)) if words]
    if "merged_into" in former.columns:
        done.append("is a row of its own again" if former.columns["merged_into"] is None else "belongs to it again")
    if "account" in former.columns:
        done.append(UNLINKED if former.columns["account"] is None else "its account is linked again")
    if former.leads:
        done.append("its leads are as before")
    given = Counter(path_word(each.path) for each in moved if each.giver == row_id)
    taken = Counter(path_word(each.path) for each in moved if each.taker == row_id)
    done += [f"gives back {number} {word}" for word, number in given.items()]
    done += [f"gets back {number} {word}" for word, number in taken.items()]
    return done


def link_in_words(edit: Mapping[Place, Any], *, settles: bool) -> list[str]:
    """Say what an undo does to a link. settles: whether its base and pins are the former ones, as for a decision."""
    states = {
        "linked": "it follows the source again",
        "detached": "it does not follow the source any more",
        "gone": "it counts as gone at the source again",
        "ignored": "its object at the source is ignored",
    }
    done = [states[edit["state",]]] if ("state",) in edit else []
    if ("primary",) in edit and ("state",) not in edit:
        done.append("the source sets its fields again" if edit["primary",] else "another source sets its fields again")
    if settles and any(place[0] in ("base", "pins") for place in edit):
        done.append("what was agreed with the source is as before")
    return done
