"""Rows of bars with names. The pages of a schedule draw them as a timeline and show them as a table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from oncall.admin.base.columns import first_few, moment, span_in_words
from oncall.admin.forms.directory import NOBODY
from oncall.admin.schedule.range import VisibleRange
from oncall.holders import unknown_holder
from oncall.rendering.coverage import gaps
from oncall.rendering.differences import Difference
from oncall.rendering.final import Rendering, Span, render
from oncall.rendering.intervals import Held, Range, Who, within
from oncall.rendering.spec import ExtraShift, Override, Participant, ScheduleSpec
from oncall.selectors.participants import Names
from oncall.selectors.responders import reachable
from oncall.templatetags.timeline import UNKNOWN, Bar, Row, Timeline

#: Returns why a participant is on call from one instant to another.
Reason = Callable[[Participant, int, int], str]
FINAL = "Final schedule"
#: Up to this number of people at once have a bar each; more share one bar.
MOST_LANES = 12
#: Lines of a table. A person reads fewer, and a page with many thousands takes seconds.
MOST_LINES = 500


class RowTexts(TypedDict, total=False):
    """The texts of a row: see ``Row``."""

    note: str
    empty: str


def name_of(participant: Participant, names: Names) -> str:
    name = names.get(participant)
    if participant.kind == "unknown":
        return unknown_holder(participant.id)
    return name.name if name else f"{participant} {UNKNOWN}"


def names_in_order(participants: Sequence[Participant], names: Names) -> str:
    return ", ".join(name_of(participant, names) for participant in participants)


def names_in_words(participants: Sequence[Participant], names: Names) -> str:
    """Returns the names of people on call together, sorted by name: their keys would give an order by row number."""
    return ", ".join(sorted(name_of(participant, names) for participant in participants))


def identity(participant: Participant, names: Names) -> str:
    """Returns what a participant's colour depends on: one person has one colour under every key."""
    name = names.get(participant)
    return f"responder {name.responder_id}" if name and name.responder_id else str(participant)


def unreachable(names: Names) -> frozenset[Participant]:
    """Returns the people who are not reachable, and the groups and policies that are inactive."""
    found = reachable(name.responder_id for name in names.values() if name.responder_id is not None)
    return frozenset(
        who
        for who, name in names.items()
        if (not name.active if name.responder_id is None else name.responder_id not in found)
    )


class Bars:
    """Makes bars. away: the participants who cannot be reached. linked: whether a bar links to its explanation."""

    def __init__(
        self, visible: VisibleRange, names: Names, away: frozenset[Participant], now: int, *, linked: bool = True
    ) -> None:
        self.visible, self.names, self.away, self.now, self.linked = visible, names, away, now, linked

    def timeline(self, home: str, *rows: Row) -> Timeline:
        """Returns the rows over the days shown. home: the schedule's time zone."""
        visible = self.visible
        return Timeline(visible.zone, visible.since, visible.until, self.now, rows, home, visible.chosen)

    def of(self, spans: Iterable[Span], reason: Reason = lambda *_: "") -> tuple[Bar, ...]:
        """Returns a bar for each stretch of time of each person. Adjacent spans of a person share a bar."""
        return tuple(
            self._bar(start, end, who, reason=", ".join(filter(None, (reason(each, start, end) for each in who))))
            for start, end, who in _stretches(spans)
        )

    def gaps(self, ranges: Iterable[Range]) -> tuple[Bar, ...]:
        """Returns a bar for each range in which nobody is on call."""
        return tuple(
            Bar(start, end, NOBODY, "", self._title("Nobody", start, end), ("gap",), link=self._link(start, end))
            for start, end in ranges
        )

    def final(
        self,
        label: str,
        spans: Sequence[Span],
        since: int,
        until: int,
        *,
        note: str = "",
        reason: Reason = lambda *_: "",
    ) -> Row:
        """Returns a row of a final schedule, with its gaps. since, until: the range for which it is known."""
        return Row(label, (*self.of(spans, reason), *self.gaps(gaps(spans, since, until))), note)

    def exceptions(self, spec: ScheduleSpec) -> Row:
        """Returns a row of the overrides and extra shifts in the days shown."""
        return Row(
            "Overrides and extra shifts",
            tuple(
                self._bar(each.starts_at, each.ends_at, (each.by,), "override", reason=kind_of(each))
                for each in exceptions_of(spec)
                if each.starts_at < self.visible.until and each.ends_at > self.visible.since
            ),
        )

    def difference(
        self,
        label: str,
        differences: Iterable[Difference],
        causes: Sequence[str] = (),
        **texts: Unpack[RowTexts],
    ) -> Row:
        """Returns a row of the times in which two sides differ. causes: one for each difference, or none at all."""
        bars = []
        for number, each in enumerate(differences):
            sides = (names_in_words(who, self.names) or NOBODY for who in (each.before, each.after))
            text = " → ".join(sides)
            bars.append(
                Bar(
                    each.start, each.end, text, "", self._title(text, each.start, each.end), ("mismatch",),
                    reason=causes[number] if causes else "", link=self._link(each.start, each.end),
                )
            )  # fmt: skip
        return Row(label, tuple(bars), **texts)

    def _bar(self, start: int, end: int, who: Who, *style: str, reason: str = "") -> Bar:
        people = [each for each in who if each.kind != "vacant"]
        names = sorted(name_of(each, self.names) for each in people)
        away = any(each not in self.names or each in self.away for each in people)
        title = f"{', '.join(names) or NOBODY}{' (cannot be reached)' if away else ''}"
        return Bar(
            start, end, first_few(names) or NOBODY,
            ",".join(sorted(identity(each, self.names) for each in people)),
            f"{self._title(title, start, end)}{f'; {reason}' if reason else ''}",
            (*style, *(["unreachable"] if away else [])),
            reason, self._link(start, end),
        )  # fmt: skip

    def _title(self, text: str, start: int, end: int) -> str:
        zone = self.visible.zone
        return f"{text}: {moment(start, zone, self.now)} to {moment(end, zone, self.now)}, {span_in_words(end - start)}"

    def _link(self, start: int, end: int) -> str:
        """Returns the link that explains now, if the bar contains it, otherwise the beginning of the bar."""
        inside = start <= self.now < end
        return self.visible.link(chosen=self.now if inside else max(start, self.visible.since)) if self.linked else ""


def _stretches(spans: Iterable[Span]) -> Iterator[Held]:
    """Yields the time of each participant. Adjacent spans are joined; spans of very many people are not split up."""
    held: dict[Participant, list[Range]] = defaultdict(list)
    for span in spans:
        if len(span.participants) > MOST_LANES:
            yield span.start, span.end, span.participants
            continue
        for each in span.participants:
            goes_on = held[each] and held[each][-1][1] == span.start
            held[each].append((held[each].pop()[0] if goes_on else span.start, span.end))
    yield from ((start, end, (who,)) for who, ranges in held.items() for start, end in ranges)


def exceptions_of(spec: ScheduleSpec) -> tuple[Override | ExtraShift, ...]:
    return (*spec.overrides, *spec.extra_shifts)


def kind_of(exception: Override | ExtraShift) -> str:
    return "override" if isinstance(exception, Override) else "extra shift"


def layer_titles(spec: ScheduleSpec) -> dict[str, str]:
    """Returns layer key -> title."""
    numbered = ((f"Layer {n}", layer) for n, layer in enumerate(spec.layers, 1))
    return {layer.key: n if layer.name in ("", n) else f"{n}: {layer.name}" for n, layer in numbered}


class Reasons:
    """Names the layers, overrides and extra shifts by which somebody is on call in a range. This is a summary:
    ``explain`` gives the exact answer for an instant."""

    def __init__(self, spec: ScheduleSpec, rendering: Rendering) -> None:
        self.stacked = spec.composition == "stacked"
        self.held: dict[Participant, list[tuple[str, list[Held]]]] = defaultdict(list)
        for each in exceptions_of(spec):
            self.held[each.by].append((kind_of(each), [(each.starts_at, each.ends_at, (each.by,))]))
        titles = layer_titles(spec)
        for key, spans in rendering.layers:
            own: dict[Participant, list[Held]] = defaultdict(list)
            for span in spans:
                for who in span.participants:
                    own[who].append((span.start, span.end, (who,)))
            for who, held in own.items():
                self.held[who].append((titles[key], held))

    def __call__(self, who: Participant, start: int, end: int) -> str:
        """Returns the names in order of precedence. In a stack, the names stop where the whole time is explained."""
        left, words = end - start, []
        for label, held in self.held.get(who, ()):
            seconds = sum(until - since for since, until, _ in within(held, start, end))
            if seconds:
                words.append(label)
                left -= seconds
            if self.stacked and left <= 0:
                break
        return ", ".join(dict.fromkeys(words))


def drawn_rows(spec: ScheduleSpec, rendering: Rendering, bars: Bars) -> tuple[Row, ...]:
    """Returns the rows of the final schedule, of the overrides and extra shifts, and of each layer without these."""
    visible = bars.visible
    final = bars.final(FINAL, rendering.final, visible.since, visible.until, reason=Reasons(spec, rendering))
    exceptions = bars.exceptions(spec)
    titles = layer_titles(spec)
    bare = render(replace(spec, extra_shifts=(), overrides=()), (), visible.since, visible.until)
    layers = (Row(titles[key], bars.of(spans)) for key, spans in bare.layers)
    return (final, *([exceptions] if exceptions.bars else []), *layers)


@dataclass(frozen=True, slots=True)
class BarLine:
    """A bar as a line of a table. gap: whether nobody is on call. unreachable: whether somebody cannot be reached."""

    bar: Bar
    start: str
    end: str
    length: str
    gap: bool
    unreachable: bool


def table(row: Row, zone: str, now: int, most: int | None = None) -> list[BarLine]:
    """Returns the bars of a row as lines of a table, with times in ``zone``. most: how many of the first; None: all."""
    return [
        BarLine(
            bar,
            moment(bar.start, zone, now),
            moment(bar.end, zone, now),
            span_in_words(bar.end - bar.start),
            "gap" in bar.style,
            "unreachable" in bar.style,
        )
        for bar in sorted(row.bars, key=lambda each: (each.start, each.end))[:most]
    ]


@dataclass(frozen=True, slots=True)
class RowTable:
    """A row as a table. more: the number of lines that are left out. reasons: whether a bar has a reason. open: whether
    the table is unfolded at first."""

    row: Row
    lines: list[BarLine]
    more: int
    reasons: bool
    open: bool

    @classmethod
    def of(cls, row: Row, zone: str, now: int) -> "RowTable":
        return cls(
            row,
            table(row, zone, now, MOST_LINES),
            max(len(row.bars) - MOST_LINES, 0),
            any(bar.reason for bar in row.bars),
            row.label == FINAL or any("mismatch" in bar.style for bar in row.bars),
        )
