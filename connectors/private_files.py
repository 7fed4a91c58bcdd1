"""Files with personal data or secrets: only their owner may read them. Imports nothing of Django."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: The umask of every process of the product: others get no right on a file or folder that it creates.
UMASK: Final = 0o077


def sqlite_files(path: Path) -> list[Path]:
    """Return an SQLite file and the files that SQLite keeps beside it."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]


def is_open(path: Path) -> bool:
    """Return whether others than the owner have a right on an existing file or folder."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & UMASK)
    except OSError:
        return False  # it does not exist, or this process may not look


def close(paths: Iterable[Path]) -> list[Path]:
    """Take the rights of others away where they have any; return these paths. One of another owner stays as it is."""
    closed = []
    for path in filter(is_open, paths):
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~UMASK)
        except OSError:
            continue
        closed.append(path)
    return closed


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read. If it exists, the others lose their rights before it is written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not a pipe or a terminal
            os.fchmod(descriptor, 0o600)
            file.truncate(0)
        file.write(text)
