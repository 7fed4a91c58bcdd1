"""Shows how a manual change affects who is on call, as a timeline and as a sentence."""

from dataclasses import dataclass
from typing import TypedDict

from oncall.admin.base.columns import span_in_words
from oncall.admin.forms.directory import NOBODY
from oncall.admin.schedule.bars import Bars, RowTable, names_in_words, unreachable
from oncall.admin.schedule.range import DEFAULT_DAYS, VisibleRange
from oncall.rendering.differences import Impact, compare, impact
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import INACTIVE, InvalidSpec
from oncall.rendering.zones import DAY
from oncall.selectors.participants import Names, ScheduleInput
from oncall.templatetags.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect in words. harm: whether time that was covered is no longer covered."""

    words: str
    harm: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """A schedule before and after a change. before, after: None if there is nothing to render, as before a new schedule
    is saved. names: the names of all participants of both. active: whether the schedule is active after the change."""

    before: ScheduleInput | None
    after: ScheduleInput | None
    names: Names
    active: bool = True

    def effect(self, now: int) -> Effect:
        """Returns what changes in the fortnight from ``now`` on."""
        until = now + DEFAULT_DAYS * DAY
        try:
            before, after = (_spans(side, now, until) for side in (self.before, self.after))
        except InvalidSpec as wrong:
            return Effect(f"Who is on call cannot be determined: {wrong}", True)
        found = impact(before, after, now, until)
        words = in_words(found, self.names, changed=before != after)
        return Effect(words if self.active else f"{INACTIVE} {words}", bool(found.newly_uncovered))


def _spans(side: ScheduleInput | None, since: int, until: int) -> tuple[Span, ...]:
    return () if side is None else render_final(*side, since, until)


def in_words(found: Impact, names: Names, *, changed: bool) -> str:
    """Returns words like ``Now Ana → Bo; next 24 h: 3 changes; newly uncovered 4 h in the next 14 days.``"""
    if not changed:
        return f"Nobody’s shifts change in the next {DEFAULT_DAYS} days."
    was, will = (names_in_words(who, names) or NOBODY for who in (found.now_before, found.now_after))
    count, seconds = found.changes_next_day, found.newly_uncovered_seconds
    return "; ".join(
        (
            f"Now {was}, as before" if was == will else f"Now {was} → {will}",
            f"next 24 h: {count or 'no'} change{'' if count == 1 else 's'}",
            f"{f'newly uncovered {span_in_words(seconds)}' if seconds else 'nothing newly uncovered'} in the next "
            f"{DEFAULT_DAYS} days.",
        )
    )


class PreviewContext(TypedDict, total=False):
    """What the form's template shows. preview, preview_table: missing if a side cannot be rendered."""

    effect: Effect
    preview: Timeline
    preview_table: RowTable


def preview(edit: Edit, now: int) -> PreviewContext:
    """Returns the fortnight from today on before and after the change, and their differences."""
    effect = edit.effect(now)
    sides = [side for side in (edit.after, edit.before) if side is not None]
    try:
        visible = VisibleRange.of({}, sides[0][0].zone if sides else "UTC", now)
        before, after = (_spans(side, visible.since, visible.until) for side in (edit.before, edit.after))
    except InvalidSpec:
        return {"effect": effect}
    bars = Bars(visible, edit.names, unreachable(edit.names), now, linked=False)
    differences = compare(before, after, visible.since, visible.until).differences
    rows = (
        bars.final("Before", before, visible.since, visible.until),
        bars.final("After", after, visible.since, visible.until),
        bars.difference("Difference", differences, empty="No difference."),
    )
    timeline = bars.timeline(visible.zone, *rows)
    return {"effect": effect, "preview": timeline, "preview_table": RowTable.of(rows[-1], visible.zone, now)}
