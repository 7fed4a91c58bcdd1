"""Compare what was imported, or what a recording holds, with what the source itself says, second by second."""

import time
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from connectors.closure import Selection
from connectors.connections.opening import open_connector, replay_connector
from connectors.recordings.recording import load
from oncall.rendering.spec import person
from oncall.rendering.zones import DAY
from syncjobs.management.shell import DONE, USAGE, WAITING, ShellCommand, find_connection, instant_of
from syncjobs.models import ParityJudge
from syncjobs.parity.checks import judge, measure_on_demand
from syncjobs.parity.compare import measure_read
from syncjobs.parity.words import HEAD, Line, as_json, lines_of, row_of

DAYS: Final = 14


class Command(ShellCommand):
    requires_system_checks: tuple[str, ...] = ()  # a recording needs no keys, no database, no network
    help = "Compare our rendering of every schedule with the source's own. Exit 3 when they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", nargs="?", help="name of a connection; or give --recording")
        parser.add_argument("--recording", type=Path, help="compare what this file holds, without a database")
        parser.add_argument("--days", type=int, default=DAYS, help=f"from --since on, default {DAYS}")
        parser.add_argument("--since", help="ISO instant; default: now; of a recording: where its rendering begins")
        parser.add_argument("--until", help="ISO instant; default: --days later; of a recording: where it ends")

    def work(self, **options: Any) -> int:
        if (options["connection"] is None) == (options["recording"] is None):
            raise CommandError("Give either the name of a connection or --recording FILE.", returncode=USAGE)
        since, until = (instant_of(options[name]) if options[name] else None for name in ("since", "until"))
        if since is not None and until is not None and until <= since:
            raise CommandError("--until must be later than --since.", returncode=USAGE)
        if options["recording"] is not None:
            said_by, lines = ParityJudge.VENDOR, self._of_recording(options["recording"], since, until)
        else:
            if not options.get("skip_checks"):
                self.check()
            since = int(time.time()) if since is None else since
            until = since + options["days"] * DAY if until is None else until
            if until <= since:
                raise CommandError("--days must be positive, and --until later than now.", returncode=USAGE)
            said_by, lines = judge(), self._of_connection(options["connection"], since, until)
        if options["json"]:
            self.print_json({"judge": said_by, "schedules": [as_json(line) for line in lines]})
        else:
            self.print_table(HEAD, [row_of(line) for line in lines])
            compared = sum(line.measured.comparison is not None for line in lines)
            self.stdout.write(f"Judge: {said_by}. {compared} of {len(lines)} schedules could be compared.")
        return WAITING if any(line.measured.differs for line in lines) else DONE

    def _of_connection(self, name: str, since: int, until: int) -> list[Line]:
        connection = find_connection(name)
        results = measure_on_demand(connection, open_connector(connection), since, until, at=timezone.now())
        return lines_of(connection.pk, results)

    def _of_recording(self, path: Path, since: int | None, until: int | None) -> list[Line]:
        recording = load(path)
        snapshot = replay_connector(recording).fetch(Selection(), contact_details=True)
        names = {person(user.external_id): user.name for user in snapshot.users}
        return [
            Line(schedule.external_id, schedule.name, measured, names=names)
            for schedule, measured in measure_read(snapshot, since, until, dated=recording.recorded_at is not None)
        ]
