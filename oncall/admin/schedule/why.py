"""Explains in words why these people are on call at an instant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.text import capfirst

from oncall.admin.base.columns import dated_moment
from oncall.admin.forms.directory import NOBODY
from oncall.admin.schedule.bars import Bars, layer_titles, name_of, names_in_words
from oncall.admin.schedule.window_lines import text_from_windows
from oncall.rendering.codec import instant_to_text
from oncall.rendering.explaining import STATE_WORDS, Contribution, Explanation, Opening, Turn, explain
from oncall.rendering.spec import ByOccurrence, ExtraShift, Layer, Override, ScheduleSpec, Substitution
from oncall.selectors.participants import ScheduleInput


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One layer or extra shift. says: sentences about it. counts: whether it decides who is on call."""

    title: str
    who: str
    says: tuple[str, ...]
    counts: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The explanation of the chosen instant. instant: ISO text. changed: the schedule's last change, if this is later,
    otherwise empty."""

    who: str
    at: str
    instant: str
    lines: list[ExplanationLine]
    substituted: list[str]
    changed: str


def why(loaded: ScheduleInput, bars: Bars, changed_at: int | None, source_id: Callable[[str], str]) -> Why | None:
    """Returns the explanation of the chosen instant, None if no instant is chosen. The schedule must be renderable.
    changed_at: the schedule's last change. source_id: returns the source's id of the element or layer with this key, or
    an empty string."""
    chosen = bars.visible.chosen
    if chosen is None:
        return None
    spec, substitutions = loaded
    explainer = _Explainer(spec, substitutions, bars, source_id)
    found = explain(spec, substitutions, chosen)
    return Why(
        names_in_words(found.participants, bars.names) or NOBODY,
        explainer.at(chosen),
        instant_to_text(chosen),
        [explainer.line(each) for each in found.contributions],
        list(explainer.substituted(found)),
        "" if changed_at is None or chosen >= changed_at else explainer.at(changed_at),
    )


class _Explainer:
    def __init__(
        self,
        spec: ScheduleSpec,
        substitutions: tuple[Substitution, ...],
        bars: Bars,
        source_id: Callable[[str], str],
    ) -> None:
        self.bars, self.source_id, self.titles = bars, source_id, layer_titles(spec)
        self.layers = {layer.key: layer for layer in spec.layers}
        # Keys are unique within a kind only: the first override, shift and substitution made here are all ``local:1``.
        self.shifts = {each.key: each for each in spec.extra_shifts}
        self.overrides = {each.key: each for each in spec.overrides}
        self.substitutions = {each.key: each for each in substitutions}

    def at(self, instant: int) -> str:
        return dated_moment(instant, self.bars.visible.zone)

    def line(self, given: Contribution) -> ExplanationLine:
        counts = given.covered_by is None and bool(given.holders)
        title = self._title(given)
        return ExplanationLine(title, names_in_words(given.own, self.bars.names), tuple(self._says(given)), counts)

    def substituted(self, found: Explanation) -> Iterator[str]:
        for each in found.substituted:
            person, instead = (name_of(who, self.bars.names) for who in (each.person, each.replacement))
            instead = NOBODY if each.replacement.kind == "vacant" else instead
            during = self._during(self.substitutions[each.substitution])
            yield f"Substitution{during}: {instead} replaces {person}."

    def _title(self, given: Contribution) -> str:
        if given.kind == "extra_shift":
            return f"Extra shift{self._during(self.shifts[given.key])}"
        if not given.key:
            return "No layers"
        return self.titles[given.key] + self._id(given.key)

    def _says(self, given: Contribution) -> Iterator[str]:
        layer = self.layers.get(given.key) if given.kind == "layer" else None
        if layer is not None:
            yield from (self._turn(layer, turn) for turn in given.turns)
            if given.opening is not None:
                yield self._opening(layer, given.opening)
            if given.state != "open":
                opens = f" It opens {self.at(given.next_opening)}." if given.next_opening is not None else ""
                yield f"{capfirst(STATE_WORDS[given.state])}.{opens}"
            elif not given.turns:
                yield "All its participants are on call at the same time."
            yield from self._clip(layer, given)
        for each in given.replaced:
            stand_in = NOBODY if each.by.kind == "vacant" else name_of(each.by, self.bars.names)
            instead = (
                "where nobody was" if each.person is None else f"instead of {name_of(each.person, self.bars.names)}"
            )
            yield f"Override{self._during(self.overrides[each.override])}: {stand_in} {instead}."
        if given.covered_by is not None:
            yield f"Hidden by {self.titles[given.covered_by]}, which has priority."

    def _turn(self, layer: Layer, turn: Turn) -> str:
        what = "Occurrence" if isinstance(layer.turns, ByOccurrence) else "Turn"
        who = layer.participants[turn.position]
        name = NOBODY if who.kind == "vacant" else name_of(who, self.bars.names)
        order = f"place {turn.position + 1} of {len(layer.participants)}"
        return f"{what} {turn.number} ({order}) is {name}’s: {self._span(turn.start, turn.end)}."

    def _opening(self, layer: Layer, opening: Opening) -> str:
        if opening.start is None or opening.end is None:
            return "It is always open."
        rule = text_from_windows((layer.windows[opening.window],)) or "by a recurrence rule"
        return f"Its window ({rule}) is open: {self._span(opening.start, opening.end)}."

    def _clip(self, layer: Layer, given: Contribution) -> Iterator[str]:
        """Yields when the layer starts or ends, if this is why it is closed or if it shortens a turn."""
        if layer.starts_at is not None:
            if given.state == "not_started":
                yield f"The layer starts {self.at(layer.starts_at)}."
            elif any(turn.start < layer.starts_at for turn in given.turns):
                yield f"The layer started {self.at(layer.starts_at)}."
        if layer.ends_at is not None:
            if given.state == "ended":
                yield f"The layer ended {self.at(layer.ends_at)}."
            elif any(layer.ends_at < turn.end for turn in given.turns):
                yield f"The layer ends {self.at(layer.ends_at)}."

    def _during(self, element: Override | ExtraShift | Substitution) -> str:
        return f" {self._span(element.starts_at, element.ends_at)}{self._id(element.key)}"

    def _id(self, key: str) -> str:
        id_ = self.source_id(key)
        return f" ({id_})" if id_ else ""

    def _span(self, start: int, end: int) -> str:
        return f"{self.at(start)} to {self.at(end)}"
