"""The pages that a run has fetched, until it ends. A worker that takes the run again does not fetch them again.

Each page is appended to a file at once, where a worker on the same machine finds it after a kill. Each claim has a file
of its own: a page that a kill has cut is the last of its file, and a worker that has lost its claim without noticing it
yet writes into no file of another. A read that takes longer, or whose run goes back to the queue, stores its pages in
the database, where every worker finds them: a short read costs no statement.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from syncjobs.models import ACTIVE, FetchedPage, SyncRun
from syncjobs.runs.claim import Claim

log = logging.getLogger(__name__)

#: A read that began longer ago begins anew: what it fetched first may have changed since.
LONGEST_READ: Final = 6 * 3600.0
#: A run keeps at most this many bytes. Pages beyond that are fetched again.
MOST_BYTES: Final = 100_000_000
#: Seconds between two times that pages are stored in the database.
STORED_EVERY: Final = 20.0
#: Seconds after which a file is deleted whose run ended without its worker.
_OLD: Final = 24 * 3600.0
_HEAD: Final = 44  # the key and the length of a page


class Pages:
    """The store of the answers of one run, see :class:`connectors.recordings.keeping.Store`.

    began: when the read began; it is kept in the checkpoint of the run. goes_on: whether an earlier attempt began it.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._file = _folder() / f"{_stem(claim.run)}{claim.run.fence}"
        self._may_append = True
        self._bytes = 0
        self._stored_at = time.monotonic()
        self._new: dict[str, bytes] = {}  # not in the database yet
        self._found: dict[str, bytes] = {}
        stored = claim.run.checkpoint.get("read_at")
        self.began: float = time.time() if stored is None else stored
        self.goes_on = stored is not None and time.time() - self.began <= LONGEST_READ
        self._may_be_stored = stored is not None
        if self.goes_on:
            self._found = {key: page for path in _files_of(claim.run) for key, page in _pages_in(path)}
            self._in_database = set(FetchedPage.objects.filter(run=claim.run).values_list("key", flat=True))
            self._new = {key: page for key, page in self._found.items() if key not in self._in_database}
            self._bytes = sum(map(len, self._found.values()))

    def begin(self) -> dict[str, Any]:
        """Begin a read, unless an earlier one goes on. Return the checkpoint of the run."""
        if not self.goes_on:
            self.began = time.time()
        return {**self._claim.run.checkpoint, "read_at": self.began}

    def begin_anew(self) -> dict[str, Any]:
        """Begin another read. Return the checkpoint of the run."""
        self.goes_on = False
        return self.begin()

    def find(self, key: str) -> bytes | None:
        if not self.goes_on:
            return None
        if key not in self._found and key in self._in_database:
            self._found[key] = bytes(FetchedPage.objects.get(run=self._claim.run, key=key).answer)
        return self._found.get(key)

    def keep(self, key: str, answer: bytes) -> None:
        """Keep a page. Raises FenceLost."""
        self._claim.advance()
        self._bytes += len(answer)
        if self._bytes > MOST_BYTES:
            return
        self._new[key] = answer
        self._append(key, answer)
        if time.monotonic() - self._stored_at >= STORED_EVERY:
            self.flush()

    def flush(self) -> None:
        """Store all pages in the database, under the fence. Raises FenceLost."""
        self._stored_at = time.monotonic()
        if not self._new:
            return
        rows = [FetchedPage(run=self._claim.run, key=key, answer=answer) for key, answer in self._new.items()]
        with self._claim.advancing():
            self._may_be_stored = True
            FetchedPage.objects.bulk_create(
                rows, batch_size=100, update_conflicts=True, unique_fields=["run", "key"], update_fields=["answer"]
            )
        self._new = {}

    def delete(self) -> None:
        """Delete the pages of the run, if it can have any."""
        for path in _files_of(self._claim.run):
            path.unlink(missing_ok=True)
        if self._may_be_stored:
            FetchedPage.objects.filter(run=self._claim.run).delete()

    def _append(self, key: str, answer: bytes) -> None:
        if not self._may_append:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as file:
                file.write(f"{key}{len(answer):012d}".encode() + answer)
        except OSError as error:  # the read goes on; a kill costs more requests then
            self._may_append = False  # what was written of this page must be the last of the file
            log.warning("Pages cannot be kept in %s: %s", self._file.parent.name, error.strerror)


def _folder() -> Path:
    return Path(settings.READS_DIR)


def _stem(run: SyncRun) -> str:
    return f"{run.connection.uid}-{run.pk}-"


def _files_of(run: SyncRun) -> list[Path]:
    """Return the files of all claims of a run."""
    return sorted(_folder().glob(f"{_stem(run)}*"))


def _pages_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and pages of a file. The last page may be cut, by a kill or a full disk; it is left out."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    place = 0
    while place + _HEAD <= len(data):
        head = data[place : place + _HEAD].decode("ascii", "replace")
        if not head[32:].isdecimal() or place + _HEAD + int(head[32:]) > len(data):
            return
        end = place + _HEAD + int(head[32:])
        yield head[:32], data[place + _HEAD : end]
        place = end


def delete_pages_of_ended_runs() -> int:
    """Delete the pages that runs left behind which ended without their worker. Return the number in the database."""
    if _folder().is_dir():
        for path in _folder().iterdir():
            if time.time() - path.stat().st_mtime > _OLD:
                path.unlink(missing_ok=True)
    return FetchedPage.objects.exclude(run__state__in=ACTIVE).delete()[0]
