"""Reads the period of an override, an absence or another exception, and the anchor of turns. Pure."""

from connectors.reading.findings import Findings
from connectors.records import EntityType
from oncall.rendering.spec import EARLIEST, LATEST


def read_period(
    start: int,
    end: int,
    findings: Findings,
    entity_type: EntityType,
    external_id: str,
    *,
    code: str,
    words: str,
    path: str,
) -> tuple[int, int] | None:
    """The range ``[start, end)`` of instants within the rendered years, or None when it has no effect there.

    A period of no length has no effect, one that ends after the rendered years has no end; a note says so. Raises
    UnexpectedResponse for a period that ends before it starts.

    entity_type, external_id: the object of the notes. code: the beginning of their codes, for example "override".
    words: the period in messages, for example "The override O1". path: the JSON path of its end.
    """
    if end < start:
        raise findings.vendor.invalid("invalid_period", path, f"{words} ends before it starts.")

    def note(suffix: str, message: str) -> None:
        findings.note(entity_type, external_id, f"{code}_{suffix}", f"{words} {message}", path)

    if end == start:
        note("without_time", "ends when it starts, so it has no effect.")
        return None
    if end <= EARLIEST or start >= LATEST:
        note("out_of_time", "lies entirely before 1900 or after 2200. It was not imported.")
        return None
    if end > LATEST:
        note("without_end", "ends after the year 2200. It was imported without an end.")
    return max(start, EARLIEST), min(end, LATEST)


def anchor_within_years(anchor: int, all_turns: int) -> int:
    """``anchor``, or one within the rendered years that is whole rounds later or earlier: everyone has the same turns.

    all_turns: the seconds that the turns of all participants take together.
    """
    return anchor if EARLIEST <= anchor < LATEST else EARLIEST + (anchor - EARLIEST) % all_turns
