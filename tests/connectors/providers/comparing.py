"""Our rendering beside the source's own."""

from collections.abc import Iterable, Mapping, Sequence

from connectors.records import SourceSchedule, SourceUser
from oncall.rendering.final import Span, render_final


def differing(
    schedules: Iterable[SourceSchedule],
    users: Iterable[SourceUser],
    theirs: Mapping[str, Sequence[Span]],
    since: int,
    until: int,
) -> list[str]:
    """Names of the schedules whose shifts in ``[since, until)`` instants are not the same, or that we cannot render."""
    substitutions = [each for user in users for each in user.substitutions or ()]
    found = []
    for schedule in schedules:
        spec = schedule.spec()
        if spec is None or render_final(spec, substitutions, since, until) != theirs[schedule.external_id]:
            found.append(schedule.name)
    return found
