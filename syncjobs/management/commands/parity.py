"""Compare what was imported with what the source itself says, second by second."""

import time
from typing import Any

from django.core.management.base import CommandParser

from connectors.checks import simulator_settings
from connectors.opening import open_connector
from oncall.rendering.codec import instant_to_text
from syncjobs.parity import Comparison, ScheduleParity, measure
from syncjobs.shell import DONE, WAITING, ShellCommand, find_connection

DAY = 86_400


class Command(ShellCommand):
    help = "Compare our rendering of every schedule with the source's own. Exit 3 when they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument("--days", type=int, default=14)

    def work(self, **options: Any) -> int:
        connection = find_connection(options["connection"])
        since = int(time.time())
        until = since + options["days"] * DAY
        results = measure(connection, open_connector(connection), since, until)
        judge = judge_of()
        if options["json"]:
            self.print_json({"judge": judge, "schedules": [as_json(result) for result in results]})
        else:
            self.print_table(
                ("schedule", "equal", "uncovered there", "uncovered here", ""), [row_of(result) for result in results]
            )
            self.stdout.write(f"Judge: {judge}, {options['days']} days from {instant_to_text(since)}.")
        return WAITING if any(differs(result) for result in results) else DONE


def judge_of() -> str:
    """Who the comparison is made with: only a vendor proves anything about a vendor."""
    return "simulator" if simulator_settings() else "vendor"


def differs(result: ScheduleParity) -> bool:
    return result.comparison is not None and result.comparison.equal != result.comparison.total


def percent(comparison: Comparison) -> str:
    """Rounded down: 100.00 % is said only when every second is equal."""
    hundredths = comparison.equal * 10_000 // comparison.total
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def row_of(result: ScheduleParity) -> tuple[str, ...]:
    comparison = result.comparison
    if comparison is None:
        return (result.name, "not compared", "", "", result.note)
    first = comparison.differences[0] if comparison.differences else None
    note = f"from {instant_to_text(first.start)}: there {_who(first.source)}, here {_who(first.ours)}" if first else ""
    hours = [f"{seconds / 3600:.1f} h" for seconds in (comparison.uncovered_source, comparison.uncovered_ours)]
    return (result.name, percent(comparison), *hours, note)


def _who(people: frozenset[str]) -> str:
    return ", ".join(sorted(people)) or "nobody"


def as_json(result: ScheduleParity) -> dict[str, Any]:
    comparison = result.comparison
    return {
        "external_id": result.external_id,
        "name": result.name,
        "equal": comparison.equal if comparison else None,
        "total": comparison.total if comparison else None,
        "uncovered_source": comparison.uncovered_source if comparison else None,
        "uncovered_ours": comparison.uncovered_ours if comparison else None,
        "differences": [
            {
                "start": instant_to_text(d.start),
                "end": instant_to_text(d.end),
                "source": sorted(d.source),
                "ours": sorted(d.ours),
            }
            for d in (comparison.differences if comparison else ())
        ],
        "note": result.note,
    }
