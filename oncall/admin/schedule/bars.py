"""Rows of bars that carry names: what the pages about a schedule draw, and print as a table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncall.admin.base.columns import moment, some, span_in_words
from oncall.admin.base.directory import NOBODY
from oncall.admin.schedule.range import VisibleRange
from oncall.rendering.coverage import gaps
from oncall.rendering.differences import Difference
from oncall.rendering.final import Rendering, Span, render
from oncall.rendering.intervals import Held, Range, Who, within
from oncall.rendering.spec import ExtraShift, Override, Participant, ScheduleSpec
from oncall.selectors.responders import reachable
from oncall.selectors.schedules import Name
from oncall.templatetags.timeline import UNKNOWN, Bar, Row, Timeline

Names = Mapping[Participant, Name]
FINAL = "Final schedule"
#: So many people at once have a bar each; more are one bar.
MOST_LANES = 12


def name_of(participant: Participant, names: Names) -> str:
    known = names.get(participant)
    return known.name if known else f"{participant} {UNKNOWN}"


def names_in_words(participants: Sequence[Participant], names: Names) -> str:
    return ", ".join(name_of(participant, names) for participant in participants)


def identity(participant: Participant, names: Names) -> str:
    """One person has one colour, whatever key names them."""
    known = names.get(participant)
    return f"responder {known.responder_id}" if known and known.responder_id else str(participant)


def unreachable(names: Names) -> frozenset[int]:
    """Returns the responders among the participants who are not reachable."""
    ids = {name.responder_id for name in names.values() if name.responder_id is not None}
    return frozenset(ids) - reachable(ids)


class Bars:
    """Makes bars. gone: responders who cannot be reached. linked: whether a bar leads to the answer why."""

    def __init__(
        self, shown: VisibleRange, names: Names, gone: frozenset[int], now: int, *, linked: bool = True
    ) -> None:
        self.shown, self.names, self.gone, self.now, self.linked = shown, names, gone, now, linked

    def timeline(self, home: str, *rows: Row) -> Timeline:
        """The rows over the days shown. home: the schedule's own zone."""
        shown = self.shown
        return Timeline(shown.zone, shown.since, shown.until, self.now, rows, home, shown.chosen)

    def of(
        self, spans: Iterable[Span], reason: Callable[[Participant, int, int], str] = lambda *_: ""
    ) -> tuple[Bar, ...]:
        """A bar for each person's own stretch; touching ones are one."""
        return tuple(
            self._bar(start, end, who, reason=", ".join(filter(None, (reason(each, start, end) for each in who))))
            for start, end, who in _stretches(spans)
        )

    def gaps(self, ranges: Iterable[Range]) -> tuple[Bar, ...]:
        return tuple(
            Bar(start, end, NOBODY, "", self._title("Nobody", start, end), ("gap",), link=self._link(start, end))
            for start, end in ranges
        )

    def final(self, label: str, spans: Sequence[Span], since: int, until: int, **more: Any) -> Row:
        """A row of a final schedule, with its gaps. since, until: as far as it is known. more: ``note``, ``reason``."""
        note = more.pop("note", "")
        return Row(label, (*self.of(spans, **more), *self.gaps(gaps(spans, since, until))), note)

    def exceptions(self, spec: ScheduleSpec) -> Row:
        each: tuple[Override | ExtraShift, ...] = (*spec.overrides, *spec.extra_shifts)
        inside = (one for one in each if one.starts_at < self.shown.until and one.ends_at > self.shown.since)
        return Row(
            "Overrides and extra shifts",
            tuple(self._bar(one.starts_at, one.ends_at, (one.by,), "override", reason=kind_of(one)) for one in inside),
        )

    def difference(self, label: str, differences: Iterable[Difference], causes: Sequence[str] = (), **more: Any) -> Row:
        """Only where the two sides differ. causes: one per difference."""
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
        return Row(label, tuple(bars), **more)

    def _bar(self, start: int, end: int, who: Who, *style: str, reason: str = "") -> Bar:
        people = [each for each in who if each.kind != "vacant"]
        names = sorted(name_of(each, self.names) for each in people)
        known = [self.names.get(each) for each in people]
        lost = any(name is None or name.responder_id in self.gone for name in known)
        title = f"{', '.join(names) or NOBODY}{' (cannot be reached)' if lost else ''}"
        return Bar(
            start, end, some(names) or NOBODY,
            ",".join(sorted(identity(each, self.names) for each in people)),
            f"{self._title(title, start, end)}{f'; {reason}' if reason else ''}",
            (*style, *(["unreachable"] if lost else [])),
            reason, self._link(start, end),
        )  # fmt: skip

    def _title(self, text: str, start: int, end: int) -> str:
        zone = self.shown.zone
        return f"{text}: {moment(start, zone, self.now)} to {moment(end, zone, self.now)}, {span_in_words(end - start)}"

    def _link(self, start: int, end: int) -> str:
        """To the answer why: for now where the bar holds it, else for its beginning."""
        inside = start <= self.now < end
        return self.shown.link(chosen=self.now if inside else max(start, self.shown.since)) if self.linked else ""


def _stretches(spans: Iterable[Span]) -> Iterator[Held]:
    """Each participant's own time, touching spans made one; spans of very many people stay whole."""
    held: dict[Participant, list[Range]] = defaultdict(list)
    for span in spans:
        if len(span.participants) > MOST_LANES:
            yield span.start, span.end, span.participants
            continue
        for each in span.participants:
            goes_on = held[each] and held[each][-1][1] == span.start
            held[each].append((held[each].pop()[0] if goes_on else span.start, span.end))
    yield from ((start, end, (who,)) for who, ranges in held.items() for start, end in ranges)


def kind_of(one: Override | ExtraShift) -> str:
    return "override" if isinstance(one, Override) else "extra shift"


def layer_titles(spec: ScheduleSpec) -> dict[str, str]:
    """Layer key -> how pages call it."""
    numbered = ((f"Layer {n}", layer) for n, layer in enumerate(spec.layers, 1))
    return {layer.key: n if layer.name in ("", n) else f"{n}: {layer.name}" for n, layer in numbered}


class Reasons:
    """Which layers and exceptions put somebody on call for a while. A glance; the exact answer is ``explain``."""

    def __init__(self, spec: ScheduleSpec, rendering: Rendering) -> None:
        self.stacked = spec.composition == "stacked"
        self.held: dict[Participant, list[tuple[str, list[Held]]]] = defaultdict(list)
        exceptions: tuple[Override | ExtraShift, ...] = (*spec.overrides, *spec.extra_shifts)
        for one in exceptions:
            self.held[one.by].append((kind_of(one), [(one.starts_at, one.ends_at, (one.by,))]))
        titles = layer_titles(spec)
        for key, spans in rendering.layers:
            own: dict[Participant, list[Held]] = defaultdict(list)
            for span in spans:
                for each in span.participants:
                    own[each].append((span.start, span.end, (each,)))
            for each, held in own.items():
                self.held[each].append((titles[key], held))

    def __call__(self, who: Participant, start: int, end: int) -> str:
        """In order of precedence; in a stack, only what still has time left to explain."""
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
    """The final schedule with its gaps, overrides and extra shifts, each layer as it is without these."""
    shown = bars.shown
    final = bars.final(FINAL, rendering.final, shown.since, shown.until, reason=Reasons(spec, rendering))
    exceptions = bars.exceptions(spec)
    titles = layer_titles(spec)
    bare = render(replace(spec, extra_shifts=(), overrides=()), (), shown.since, shown.until)
    layers = (Row(titles[key], bars.of(spans)) for key, spans in bare.layers)
    return (final, *([exceptions] if exceptions.bars else []), *layers)


def table(row: Row, zone: str, now: int) -> list[dict[str, Any]]:
    """The bars of a row as lines of a table, in the zone the page follows."""
    return [
        {
            "bar": bar,
            "start": moment(bar.start, zone, now),
            "end": moment(bar.end, zone, now),
            "length": span_in_words(bar.end - bar.start),
            "gap": "gap" in bar.style,
            "lost": "unreachable" in bar.style,
        }
        for bar in sorted(row.bars, key=lambda each: (each.start, each.end))
    ]
