"""Compare imported schedules, or those of a recording, with the source's own rendering, second by second."""

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
    requires_system_checks: tuple[str, ...] = ()  # a recording needs no keys, database or network
    help = "Compare our rendering of every schedule with the source's own. Exit 3 when they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", nargs="?", help="name of a connection, unless --recording is given")
        parser.add_argument("--recording", type=Path, help="compare this recording, without a database")
        parser.add_argument("--days", type=int, default=DAYS, help=f"days from --since on; default: {DAYS}")
        parser.add_argument("--since", help="ISO instant; default: now, or the start of the recording's rendering")
        parser.add_argument("--until", help="ISO instant; default: --days later, or the end of that rendering")

    def work(self, **options: Any) -> int:
        if (options["connection"] is None) == (options["recording"] is None):
            raise CommandError("Give either the name of a connection or --recording FILE.", returncode=USAGE)
        since, until = (instant_of(options[name]) if options[name] else None for name in ("since", "until"))
        if since is not None and until is not None and until <= since:
            raise CommandError("--until must be later than --since.", returncode=USAGE)
        if options["recording"] is not None:
            judge_name, lines = ParityJudge.VENDOR, self._compare_recording(options["recording"], since, until)
        else:
            if not options.get("skip_checks"):
                self.check()
            since = int(time.time()) if since is None else since
            until = since + options["days"] * DAY if until is None else until
            if until <= since:
                raise CommandError("--days must be positive, and --until later than now.", returncode=USAGE)
            judge_name, lines = judge(), self._compare_connection(options["connection"], since, until)
        if options["json"]:
            self.print_json({"judge": judge_name, "schedules": [as_json(line) for line in lines]})
        else:
            self.print_table(HEAD, [row_of(line) for line in lines])
            compared = sum(line.measured.comparison is not None for line in lines)
            self.stdout.write(f"Judge: {judge_name}. {compared} of {len(lines)} schedules could be compared.")
        return WAITING if any(line.measured.differs for line in lines) else DONE

    def _compare_connection(self, name: str, since: int, until: int) -> list[Line]:
        connection = find_connection(name)
        results = measure_on_demand(connection, open_connector(connection), since, until, at=timezone.now())
        return lines_of(connection.pk, results)

    def _compare_recording(self, path: Path, since: int | None, until: int | None) -> list[Line]:
        recording = load(path)
        snapshot = replay_connector(recording).fetch(Selection(), contact_details=True)
        names = {person(user.external_id): user.name for user in snapshot.users}
        return [
            Line(schedule.external_id, schedule.name, measured, names=names)
            for schedule, measured in measure_read(snapshot, since, until, dated=recording.recorded_at is not None)
        ]
