"""Torture what must survive anything: ``python -m scripts.torture runs [--seed N] [--kills N] [--stops N] [--quick]``.

Real workers on Redis and on a PostgreSQL of its own are killed, stopped and frozen at random requests and moments of an
import. The broker is emptied and restarted, all connections of the database are cut, the database is restarted, the
disk is full, and 20 sources share two workers. After each fault the content must be that of the undisturbed import.
DATABASE_URL names the server, for example by scripts/with-postgres. The exit code is 0 if all promises were kept and 1
otherwise.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from scripts.bench import database
from scripts.torture.machines import PacedVendor, Redis


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.torture", description=__doc__)
    parser.add_argument("what", choices=["runs"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200, help="how often a worker is killed")
    parser.add_argument("--stops", type=int, default=50, help="how often a worker is stopped by SIGTERM")
    parser.add_argument("--freezes", type=int, default=10, help="how often a worker is given no time for a while")
    parser.add_argument("--size", type=int, default=300, help="about how many objects a source has")
    parser.add_argument("--sources", type=int, default=20, help="how many sources share two workers; 0 = leave it out")
    parser.add_argument("--quick", action="store_true", help="a few kills and stops only")
    given = parser.parse_args(arguments)
    if given.quick:
        given.kills, given.stops, given.sources = min(given.kills, 2), min(given.stops, 1), 0
        given.freezes = min(given.freezes, 1)
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        print("DATABASE_URL must name a PostgreSQL server, for example by scripts/with-postgres.", file=sys.stderr)
        return 2
    redis, vendor = Redis(), PacedVendor(given.size, latency=0.05)
    os.environ["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{redis.port}/0"
    redis.start()
    try:
        with vendor.serving() as origin, database.opened("rotabridge_torture"):
            from scripts.torture.runs import torture  # models can be imported only when there is a database

            return torture(given, redis, vendor, origin)
    finally:
        redis.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
