"""The limits of what can be rendered. Writers, mappings and pages use these constants: what is stored can be shown.

docs/rendering.md gives the reason of each limit.
"""

from calendar import timegm
from typing import Final

_DAY: Final = 86_400

#: The first and the last calendar year.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
#: The first instant, and the instant at which the last year ends. Readings of layers have the same limits.
EARLIEST: Final = timegm((FIRST_YEAR, 1, 1, 0, 0, 0))
LATEST: Final = timegm((LAST_YEAR + 1, 1, 1, 0, 0, 0))
#: The instant of a reading between these two is between EARLIEST and LATEST in every time zone.
EARLIEST_READING: Final = EARLIEST + _DAY
LATEST_READING: Final = LATEST - _DAY
#: For messages about a date that cannot be rendered: "is …".
OUTSIDE: Final = f"outside the years {FIRST_YEAR} to {LAST_YEAR}"

# --- sizes ------------------------------------------------------------------------------------------------------------

#: Layers of a schedule, participants of a layer, and dates that a window adds or excludes.
MAX_LAYERS: Final = 10_000
MAX_PARTICIPANTS: Final = 10_000
MAX_DATES: Final = 10_000
#: The longest turn is a hundred years.
MAX_TURN_MONTHS: Final = 1_200
MAX_TURN_SECONDS: Final = 36_525 * _DAY
#: The longest occurrence of a recurring window. It limits how many occurrences can overlap.
MAX_OCCURRENCE: Final = 366 * _DAY
#: Handoffs and openings of all layers in one rendering.
MAX_PIECES: Final = 250_000
