"""What the workers need breaks in the middle of an import: the broker, the database, the disk."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection

from scripts.torture.machines import until
from syncjobs.models import SyncRun

if TYPE_CHECKING:
    from scripts.torture.runs import Torture

#: Bytes that the pages of a run may take while the disk is full. Those of an import are several times as many.
SPACE: Final = 16 * 1024


def empty_broker(work: "Torture") -> None:
    """Empty the broker in the middle of an import, and before another one is taken."""
    _break_broker(work, "FLUSHALL", work.redis.flush)


def restart_broker(work: "Torture") -> None:
    """Stop Redis, which keeps nothing, and start it again."""

    def restart() -> None:
        work.redis.stop()
        work.redis.start()

    _break_broker(work, "Redis restarted", restart)


def _break_broker(work: "Torture", where: str, strike: Callable[[], None]) -> None:
    run = _begun(work, where)
    strike()
    work.judge(run)
    work.clear()
    lost = work.begin()
    work.redis.flush()
    work.judge(lost)


def cut_database(work: "Torture") -> None:
    """Cut all connections to the database."""
    run = _begun(work, "connections of the database cut")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    work.judge(run)


def restart_database(work: "Torture") -> None:
    """End PostgreSQL at once, as a crash does, and start it again."""
    command = os.environ.get("RESTART_POSTGRES")
    if not command:
        print("PostgreSQL was not restarted: it is not the one of scripts/with-postgres.", flush=True)
        return
    run = _begun(work, "PostgreSQL restarted")
    connection.close()
    subprocess.run(shlex.split(command), check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - scripts/with-postgres
    print("PostgreSQL was ended with -m immediate and started again.", flush=True)
    work.judge(run)


def fill_disk(work: "Torture") -> None:
    """Let workers import whose disk has no space for pages, and kill one of them: it costs requests, and no run."""
    reads = settings.READS_DIR
    reads.mkdir(parents=True, exist_ok=True)
    prefix, how = _small_disk(str(reads))
    work.stop()
    work.prefix = prefix
    try:
        run = _begun(work, "disk full")
        work.judge(run, claims=1)
        logs = "".join(worker.log() for worker in work.workers)
        work.figures.demand("Pages cannot be kept" in logs, f"The disk was not full, although limited by {how}")
        run, _ = work.disturb(lambda worker: worker.kill(), "killed while the disk was full")
        work.judge(run, keeps_pages=False)
    finally:
        work.stop()
        work.prefix = ()
    print(f"Disk full ({how}): the runs ended.", flush=True)


def _small_disk(folder: str) -> tuple[list[str], str]:
    """Return the command that starts a worker with little space in a folder, and what limits it."""
    mount = f'mount -t tmpfs -o size={SPACE} tmpfs {shlex.quote(folder)} && exec "$@"'
    unshare = shutil.which("unshare")
    if unshare is not None:
        prefix = [unshare, "--mount", "sh", "-c", mount, "sh"]
        if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0:  # noqa: S603 - above
            return prefix, f"a disk of {SPACE // 1024} KiB"
    return ["sh", "-c", f'ulimit -f {SPACE // 512} && exec "$@"', "sh"], "the size of files, RLIMIT_FSIZE"


def _begun(work: "Torture", where: str) -> SyncRun:
    """Start an import and return it when it has fetched some pages."""
    work.two_workers()
    work.clear()
    work.where = where
    run = work.begin()
    until(lambda: len(work.vendor.requests) > 5, "the import has begun")
    return run


#: All of them, in the order in which they happen.
OUTAGES: Final = (empty_broker, restart_broker, cut_database, restart_database, fill_disk)
