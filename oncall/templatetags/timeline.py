"""Draws rows of shifts as an SVG, on the server, without scripts.

Positions are percentages of the width and heights are pixels, so the drawing fits any width and text keeps its size.
Every bar also has a name, initials or a title, and the page has a table with the same data, so colours are not needed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from oncall.holders import SOMEBODY
from oncall.rendering.zones import DAY, at, offset_at, reading, transitions

register = template.Library()

#: Light enough for dark text, and distinguishable with common colour blindness (after Paul Tol's schemes).
HUES = (
    "#77aadd", "#99ddff", "#44bb99", "#bbcc33", "#c9b458", "#eedd88",
    "#ee8866", "#ffaabb", "#cc99bb", "#d4a373", "#b8a9e0", "#8fbfa0",
)  # fmt: skip
HEADER, LABEL, BAR, GAP = 40, 20, 28, 14
#: Follows the key of a participant that has no row here.
UNKNOWN = "(not known here)"
_DRAWN_WIDTH = 920  # assumed pixels, to choose between a name, initials and no text
_LETTER, _SMALL_LETTER = 7.2, 6.6
_NARROW_DAY = 45  # pixels; a narrower day shows only its number
_STRIDE = 5  # coprime to the number of hues: consecutive numbers get different hues, and all hues are used


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar for the instants ``[start, end)``.

    identity: determines the colour, empty for a gap. title: all details, for pointers and screen readers. style: any of
    ``gap``, ``override``, ``unreachable``, ``mismatch``. reason: the layer, override or extra shift. link: optional.
    """

    start: int
    end: int
    name: str
    identity: str
    title: str
    style: tuple[str, ...] = ()
    reason: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of bars. empty: the text of the table if there are no bars."""

    label: str
    bars: tuple[Bar, ...]
    note: str = ""
    empty: str = "Nobody in these days."


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows for the instants ``[since, until)``, with the days and weekends of ``zone``.

    home: the schedule's time zone, whose clock changes are flagged too. chosen: the instant that the page explains.
    """

    zone: str
    since: int
    until: int
    now: int
    rows: tuple[Row, ...]
    home: str = ""
    chosen: int | None = None

    def clock_changes(self) -> list[tuple[int, str]]:
        """Returns (instant, zone) of every clock change in the range. If both zones change, ``zone`` is returned."""
        found: dict[int, str] = {}
        for zone in dict.fromkeys((self.zone, self.home or self.zone)):
            for instant in transitions(zone, self.since, self.until):
                found.setdefault(instant, zone)
        return sorted(found.items())


@register.filter
def hue(identity: str) -> str:
    """Returns a colour, always the same for an identity. People with consecutive ids get different colours."""
    kind, _, number = identity.partition(" ")
    if kind == "responder" and number.isdecimal():
        return HUES[int(number) * _STRIDE % len(HUES)]
    return HUES[blake2b(identity.encode(), digest_size=2).digest()[0] % len(HUES)]


@register.filter
def initials(name: str) -> str:
    """Returns ``AK`` for Ana Kowalski, ``?`` for a person or holder without a row here."""
    if name.endswith(UNKNOWN) or name.startswith(SOMEBODY):
        return "?"
    words = [word for word in name.split() if word[0].isalnum()]
    return (words[0][0] + words[-1][0] if len(words) > 1 else name[:2]).upper() if words else name[:2]


def lanes(bars: Iterable[Bar]) -> list[list[Bar]]:
    """Returns the bars in lanes without overlaps. A person stays in a lane as long as it is free."""
    found: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda each: (each.start, each.end)):
        free = [lane for lane in found if lane[-1].end <= bar.start]
        lane = next((lane for lane in free if lane[-1].identity == bar.identity), free[0] if free else None)
        if lane is None:
            found.append([bar])
        else:
            lane.append(bar)
    return found or [[]]


@register.simple_tag
def timeline_svg(timeline: Timeline) -> SafeString:
    """Returns the drawing. The page has a table with the same data below it."""
    tops, bottom = [], HEADER
    for row in timeline.rows:
        tops.append(bottom)
        bottom += LABEL + len(lanes(row.bars)) * BAR + GAP
    drawing = _Drawing(timeline, bottom)
    parts = [drawing.days()]
    parts += [drawing.row(row, top) for row, top in zip(timeline.rows, tops, strict=True)]
    parts += [drawing.clock_changes(), drawing.now(), drawing.chosen()]
    return format_html(
        '<svg class="rb-timeline-svg" width="100%" height="{}" role="group" aria-label="{}">{}{}</svg>',
        bottom,
        f"Timeline of {len(timeline.rows)} rows, times in {timeline.zone}; the table below has the same data",
        _PATTERNS,
        _joined(parts),
    )


_PATTERNS = SafeString(
    '<defs><pattern id="rb-gap" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="8" height="8" class="rb-gap-back"/><rect width="3" height="8" class="rb-gap-line"/></pattern>'
    '<pattern id="rb-override" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<rect width="2" height="7" class="rb-override-line"/></pattern>'
    '<pattern id="rb-mismatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<rect width="8" height="8" class="rb-mismatch-back"/><rect width="4" height="8" class="rb-mismatch-line"/>'
    "</pattern></defs>"
)


def _joined(parts: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


class _Drawing:
    def __init__(self, timeline: Timeline, height: int) -> None:
        self.timeline, self.height = timeline, height
        self.length = timeline.until - timeline.since

    def x(self, instant: int) -> str:
        return f"{(instant - self.timeline.since) / self.length * 100:.4f}%"

    def width(self, start: int, end: int) -> str:
        return f"{(end - start) / self.length * 100:.4f}%"

    def days(self) -> SafeString:
        """Draws shaded weekends, a line at each midnight, and the names of the days."""
        line = self.timeline
        first = reading(line.zone, line.since) // DAY
        parts = []
        for day in range(first, reading(line.zone, line.until - 1) // DAY + 1):
            start, end = max(at(line.zone, day * DAY), line.since), min(at(line.zone, (day + 1) * DAY), line.until)
            date = datetime.fromtimestamp(day * DAY, UTC)
            if date.isoweekday() >= 6:
                parts.append(
                    format_html(
                        '<rect class="rb-weekend" x="{}" y="18" width="{}" height="{}"/>',
                        self.x(start),
                        self.width(start, end),
                        self.height - 18,
                    )
                )
            parts.append(
                format_html('<line class="rb-day" x1="{0}" x2="{0}" y1="18" y2="{1}"/>', self.x(start), self.height)
            )
            if end - start >= DAY // 3:
                text = f"{date:%a} {date.day}" if date.day > 1 and day > first else f"{date:%a} {date.day} {date:%b}"
                if (end - start) / self.length * _DRAWN_WIDTH < _NARROW_DAY:
                    text = f"{date.day}" if date.day > 1 else f"{date:%b}"
                parts.append(self._clipped(start, end, 18, 20, "rb-day-name", text))
        return _joined(parts)

    def row(self, row: Row, top: int) -> SafeString:
        parts = [format_html('<text class="rb-row-name" x="0" y="{}">{}</text>', top + LABEL - 6, _described(row))]
        for number, lane in enumerate(lanes(row.bars)):
            parts += [self.bar(bar, top + LABEL + number * BAR) for bar in lane]
        return _joined(parts)

    def bar(self, bar: Bar, y: int) -> SafeString:
        start, end = max(bar.start, self.timeline.since), min(bar.end, self.timeline.until)
        fill = next((f"url(#rb-{word})" for word in ("gap", "mismatch") if word in bar.style), hue(bar.identity))
        parts = [self._box(" ".join(f"rb-{word}" for word in ("shift", *bar.style)), fill)]
        if "override" in bar.style:
            parts.append(self._box("", "url(#rb-override)"))
        text = _fitting(bar, (end - start) / self.length * _DRAWN_WIDTH)
        if text:
            css, x = ("rb-shift-name", 7) if text == bar.name else ("rb-shift-name rb-initials", 4)
            parts.append(format_html('<text class="{}" x="{}" y="{}">{}</text>', css, x, BAR // 2 + 4, text))
        drawn = format_html(
            '<svg x="{}" y="{}" width="{}" height="{}"><title>{}</title>{}</svg>',
            self.x(start), y, self.width(start, end), BAR, bar.title, _joined(parts),
        )  # fmt: skip
        return format_html('<a href="{}" aria-label="{}">{}</a>', bar.link, bar.title, drawn) if bar.link else drawn

    def _box(self, css: str, fill: str) -> SafeString:
        box = '<rect class="{}" x="1" y="1" width="100%" height="{}" rx="3" fill="{}"/>'
        return format_html(box, css, BAR - 4, fill)

    def clock_changes(self) -> SafeString:
        """Draws a flag where the clock is put forward or back."""
        line, parts = self.timeline, []
        for instant, zone in line.clock_changes():
            minutes = (offset_at(zone, instant) - offset_at(zone, instant - 1)) // 60
            amount = f"{abs(minutes) // 60} h" if minutes % 60 == 0 else f"{abs(minutes)} min"
            where = "" if zone == line.zone else f" in {zone}"
            text = f"⚑ clock {'forward' if minutes > 0 else 'back'} {amount}{where}"
            parts.append(self._marker("rb-clock", instant, text))
        return _joined(parts)

    def now(self) -> SafeString:
        line = self.timeline
        return self._marker("rb-now", line.now, "now") if line.since <= line.now < line.until else SafeString()

    def chosen(self) -> SafeString:
        """Draws a line at the instant that the page explains."""
        line = self.timeline
        inside = line.chosen is not None and line.since <= line.chosen < line.until and line.chosen != line.now
        return self._marker("rb-chosen", line.chosen, "why?") if inside and line.chosen is not None else SafeString()

    def _marker(self, css: str, instant: int, text: str) -> SafeString:
        late = (instant - self.timeline.since) / self.length > 0.85
        return format_html(
            '<g class="{0}"><line x1="{1}" x2="{1}" y1="14" y2="{2}"/>'
            '<text x="{1}" y="12" dx="{3}" text-anchor="{4}">{5}</text></g>',
            css, self.x(instant), self.height, -2 if late else 2, "end" if late else "start", text,
        )  # fmt: skip

    def _clipped(self, start: int, end: int, y: int, height: int, css: str, text: str) -> SafeString:
        return format_html(
            '<svg x="{}" y="{}" width="{}" height="{}"><text class="{}" x="3" y="14">{}</text></svg>',
            self.x(start), y, self.width(start, end), height, css, text,
        )  # fmt: skip


def _described(row: Row) -> str:
    return f"{row.label} · {row.note}" if row.note else row.label


def _fitting(bar: Bar, pixels: float) -> str:
    """Returns the name if it fits, else the initials if they fit, else nothing."""
    if "gap" in bar.style or "mismatch" in bar.style:
        return bar.name if pixels > len(bar.name) * _LETTER + 12 else ""
    short = initials(bar.name)
    if pixels > len(bar.name) * _LETTER + 12:
        return bar.name
    return short if pixels > len(short) * _SMALL_LETTER + 6 else ""
