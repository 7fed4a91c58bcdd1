"""Numbers of rows in texts that come from outside."""

from typing import Final

#: No row has a longer number, and a database refuses much longer ones.
_MOST_DIGITS: Final = 18


def row_number(text: str) -> int:
    """Return the number of a row that a text names, or 0, which is the number of no row."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
