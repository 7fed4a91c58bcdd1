"""Folders that tests read: the repository, and the recordings and vendors' schemas that may be next to it."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
#: Not in the repository. Tests that need it are skipped if it is absent.
SHARED = REPOSITORY.parent / "shared"
