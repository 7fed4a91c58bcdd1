"""The checks notice: each mutant of the engine breaks one thing, and the core of checks goes red.

A mutant is made of the source: a fragment that must occur exactly once is replaced, so that a mutant that no longer
applies is an error and not a silent pass.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import oncall.rendering
from oncall.rendering.answers import on_call_at
from oncall.rendering.final import render_final
from tests.oncall.rendering.core import disagreements, judged

PACKAGE = "oncall.rendering"
FOLDER = Path(oncall.rendering.__file__).parent
SHARED = f"{PACKAGE}.spec"  # values are compared by type, so both engines must mean the same types

Engine = tuple[Callable[..., Any], Callable[..., Any]]


class Mutant(NamedTuple):
    what: str
    module: str
    fragment: str
    replacement: str


MUTANTS = (
    Mutant(
        "the anchor is a minute late",
        "turns",
        "else furthest_reading(zone, instant))",
        "else furthest_reading(zone, instant) - 60)",
    ),
    Mutant("handoffs are a minute late", "turns", "return turns.anchor + turn", "return turns.anchor + 60 + turn"),
    Mutant(
        "turns before the anchor round towards it",
        "turns",
        "(shown - turns.anchor) // turns.length",
        "int((shown - turns.anchor) / turns.length)",
    ),
    Mutant("the order runs backwards", "turns", "order[turn % count]", "order[-turn % count]"),
    Mutant(
        "the order runs backwards at one instant",
        "layers",
        "turn_at(turns, zone, instant) %",
        "-turn_at(turns, zone, instant) %",
    ),
    Mutant("a month's handoff is never after the 28th", "turns", "day = min(anchor.day, ", "day = min(28, "),
    Mutant("elapsed turns follow the wall clock", "turns", '[(since, until, 0)] if turns.clock == "elapsed" else ', ""),
    Mutant(
        "every clock is UTC",
        "zones",
        "return (datetime.fromtimestamp(instant, info).utcoffset() or _NONE) // _SECOND",
        "return 0",
    ),
    Mutant("the layer's own zone is ignored", "layers", "    zone = layer.zone or zone\n    since =", "    since ="),
    Mutant(
        "a repeated hour hands over in both passes",
        "zones",
        "furthest = max(furthest, starts[index] - 1 + offsets[index - 1])",
        "pass",
    ),
    Mutant(
        "the boundary is of the second pass",
        "zones",
        "    for start, end, offset in stretches(zone, max(reading - _WIDEST, since), reading + _WIDEST):\n"
        "        if reading < end + offset:",
        "    for start, _, offset in [*stretches(zone, reading - _WIDEST, reading + _WIDEST)][::-1]:\n"
        "        if reading >= start + offset:",
    ),
    Mutant(
        "the boundary in a gap lies before it",
        "zones",
        "return max(start, reading - offset)",
        "return reading - offset",
    ),
    Mutant(
        "a window's end is inside",
        "windows",
        "return (shown - start) % DAY < duration",
        "return (shown - start) % DAY <= duration",
    ),
    Mutant(
        "windows close a minute late", "windows", "(base + opens, base + closes)", "(base + opens, base + closes + 60)"
    ),
    Mutant("boundary is membership", "windows", '    if layer.window_edge == "boundary":', "    if False:"),
    Mutant(
        "a start in the second pass is in the first",
        "windows",
        "            yield start, instant\n",
        "            yield start, at(zone, start)\n",
    ),
    Mutant(
        "the first start is never in the second pass", "windows", "first_at is not None and start == first", "False"
    ),
    Mutant(
        "an end may lie before its start",
        "windows",
        "at(zone, start + window.duration, begins)",
        "at(zone, start + window.duration)",
    ),
    Mutant(
        "a start in the second pass comes before those of the first",
        "layers",
        "furthest_reading(zone, begins) + 1 if begins in window.late else start",
        "start",
    ),
    Mutant("starts in the second pass have no index", "layers", "index += bisect_left(window.late, begins)", "pass"),
    Mutant("drop cuts at the start", "windows", "begins < layer.starts_at", "begins < layer.starts_at - 10**7"),
    Mutant("drop cuts at the end", "windows", "ends > layer.ends_at", "ends > layer.ends_at + 10**7"),
    Mutant(
        "drop leaves out a shift that ends with the clip", "windows", "ends > layer.ends_at", "ends >= layer.ends_at"
    ),
    Mutant(
        "the clip's start is ignored",
        "layers",
        "since if layer.starts_at is None else max(since, layer.starts_at)",
        "since",
    ),
    Mutant(
        "the clip's end is ignored", "layers", "until if layer.ends_at is None else min(until, layer.ends_at)", "until"
    ),
    Mutant("the clip's end is inside", "layers", "instant >= layer.ends_at", "instant > layer.ends_at"),
    Mutant(
        "a daily interval is ignored",
        "recurrence",
        "(first - begin) % rule.interval, end + 1, rule.interval",
        "0, end + 1, 1",
    ),
    Mutant("a weekly interval is ignored", "recurrence", "step = 7 * rule.interval", "step = 7"),
    Mutant("a monthly interval is ignored", "recurrence", "(year * 12 + m - origin) % rule.interval == 0", "True"),
    Mutant(
        "weeks always begin on Monday",
        "recurrence",
        "origin = first - (_weekday(first) - rule.week_start) % 7",
        "origin = first - (_weekday(first) - 1) % 7",
    ),
    Mutant(
        "ordinals from the end are one off",
        "recurrence",
        "ordinal - 1 if ordinal > 0 else ordinal",
        "ordinal - 1 if ordinal > 0 else 0",
    ),
    Mutant(
        "the last day of a month is the 31st",
        "recurrence",
        "length if number == -1 else number",
        "31 if number == -1 else number",
    ),
    Mutant(
        "a count is ignored", "recurrence", "known = known[: max(0, self._rule.count - self._before(year))]", "pass"
    ),
    Mutant("until excludes its own instant", "recurrence", "first <= start <= last", "first <= start < last"),
    Mutant(
        "excluded starts occur",
        "recurrence",
        "start for start in window.excluded if self._is_start(start)",
        "start for start in ()",
    ),
    Mutant(
        "added starts do not occur", "recurrence", "if added := _inside(self._added, since, until):", "if added := ():"
    ),
    Mutant(
        "excluded occurrences always use a turn",
        "recurrence",
        "index if excluded_counts else index -",
        "index if True else index -",
    ),
    Mutant(
        "excluded occurrences never use a turn",
        "recurrence",
        "index if excluded_counts else index -",
        "index if False else index -",
    ),
    Mutant(
        "the index is one off",
        "recurrence",
        "index = self._rule_starts_before(start) +",
        "index = 1 + self._rule_starts_before(start) +",
    ),
    Mutant("each participant has one shift", "layers", "index // turns.shifts_per_participant", "index"),
    Mutant(
        "of a stack the last layer wins",
        "intervals",
        "over(top, below) for top, below",
        "over(below, top) for top, below",
    ),
    Mutant(
        "of a stack the last layer wins at one instant",
        "answers",
        "for layer in spec.layers:\n",
        "for layer in reversed(spec.layers):\n",
    ),
    Mutant("of concurrent layers the first wins", "final", 'composition == "stacked" or len(own) < 2', "True"),
    Mutant(
        "of shifts that overlap one holds",
        "intervals",
        "if len(now) == 1:\n            (only,) = now",
        "if now:\n            only = min(now)",
    ),
    Mutant(
        "the lowest rank wins",
        "overriding",
        "(override.rank, override.starts_at",
        "(-override.rank, override.starts_at",
    ),
    Mutant(
        "the override that starts first wins",
        "overriding",
        "(override.rank, override.starts_at",
        "(override.rank, -override.starts_at",
    ),
    Mutant("every override covers gaps", "overriding", "            if override.covers_gaps:", "            if True:"),
    Mutant(
        "an override of one person fills what others hold",
        "overriding",
        "if sources is not None and not replaces_everyone:",
        "if False:",
    ),
    Mutant(
        "an override replaces everyone", "overriding", "[source, override.replaces].append", "[source, None].append"
    ),
    Mutant(
        "an override looks at every source",
        "overriding",
        "sources = None if override.sources is None else override.sources & keys",
        "sources = None",
    ),
    Mutant(
        "an override of one person is stronger than any of everyone",
        "overriding",
        "_strongest([*everyone, *found])",
        "_strongest(found)",
    ),
    Mutant(
        "an override of everyone leaves single people",
        "overriding",
        "[(start, end, rest)]) if rest",
        "[(start, end, who)]) if rest",
    ),
    Mutant(
        "a vacant override replaces nobody",
        "overriding",
        "alone(self.ranked[rank].by)) for start, end, rank in spans]",
        "alone(self.ranked[rank].by)) for start, end, rank in spans if alone(self.ranked[rank].by)]",
    ),
    Mutant(
        "a vacant override lets the next layer through",
        "overriding",
        "            if override.covers_gaps:",
        "            if override.covers_gaps and alone(override.by):",
    ),
    Mutant(
        "extra shifts replace the layers",
        "final",
        "together(chain.from_iterable(_overridden(entries, overriding, fillers) for entries in counting))",
        "stacked([list(_overridden(entries, overriding, fillers)) for entries in reversed(counting)])",
    ),
    Mutant(
        "an empty source beside others is not filled", "final", "if filling := fillers.get(None):", "if filling := ():"
    ),
    Mutant("sources that an override names are like all others", "final", "each.key not in overriding.special", "True"),
    Mutant(
        "the substitution that starts first wins",
        "final",
        "(each.starts_at, each.key), reverse=True",
        "(-each.starts_at, each.key), reverse=True",
    ),
    Mutant("a substitution of another group counts", "final", "not each.groups.isdisjoint(spec.groups)", "True"),
    Mutant(
        "a replacement gives way again",
        "answers",
        "stand_ins.get(each, each) for",
        "stand_ins.get(stand_ins.get(each, each), stand_ins.get(each, each)) for",
    ),
)


@contextmanager
def reimported() -> Iterator[None]:
    """The engine's modules but for its values are imported afresh inside, and are the original ones again after."""
    ours = {name: module for name, module in sys.modules.items() if name.startswith(f"{PACKAGE}.") and name != SHARED}
    attributes = dict(vars(oncall.rendering))
    for name in ours:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.") and name != SHARED]:
            del sys.modules[name]
        sys.modules.update(ours)
        vars(oncall.rendering).clear()
        vars(oncall.rendering).update(attributes)


def mutated(mutant: Mutant, folder: Path) -> Engine:
    source = (FOLDER / f"{mutant.module}.py").read_text()
    assert source.count(mutant.fragment) == 1, f"{mutant.what}: the fragment is not there, or not once"
    file = folder / f"{mutant.module}.py"
    file.write_text(source.replace(mutant.fragment, mutant.replacement))
    with reimported():
        name = f"{PACKAGE}.{mutant.module}"
        spec = spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
        return import_module(f"{PACKAGE}.final").render_final, import_module(f"{PACKAGE}.answers").on_call_at


def test_the_engine_agrees_with_the_referee_on_the_core() -> None:
    assert len(judged()) > 40
    assert next(disagreements(render_final, on_call_at), None) is None


@pytest.mark.mutants
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_the_core_fails_if(mutant: Mutant, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    engine = mutated(mutant, tmp_path)
    assert sys.modules[f"{PACKAGE}.final"].render_final is render_final
    assert next(disagreements(*engine), None) is not None, f"nobody noticed that {mutant.what}"
    record_property("mutant", f"rendering: {mutant.what} | the core of checks")
