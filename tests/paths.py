"""Places that tests read: the repository, and the recordings and vendors' schemas that may lie next to it."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
#: Not part of the repository; tests that need it skip where it is absent.
SHARED = REPOSITORY.parent / "shared"
