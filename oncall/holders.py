"""Words for the holder of a turn or an override who has no row here."""

from typing import Final

SOMEBODY: Final = "somebody unknown"


def unknown_holder(key: str) -> str:
    """Returns the name of a holder that the source names by an unknown type or without an id.

    key: of a participant of kind ``unknown``. For ``3:group:g1`` the name is ``somebody unknown (group g1)``.
    """
    what = key.partition(":")[2].replace(":", " ", 1).strip()
    return f"{SOMEBODY} ({what})" if what else SOMEBODY


def holder_in_words(text: str) -> str:
    """Returns the words for a stored participant without a row; for a person, the participant itself."""
    kind, _, key = text.partition(":")
    return {"vacant": "nobody", "unknown": unknown_holder(key)}.get(kind, text)
