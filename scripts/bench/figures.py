"""Targets, measured figures, and the report of both."""

import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from scripts.bench.measuring import ATTEMPTS, Sample

PACKAGES = ("django", "psycopg", "pydantic", "tzdata", "recurring-ical-events", "icalendar", "diffsync")


@dataclass(frozen=True, slots=True)
class Target:
    """One target. must: the gate. aim: only reported. Without both, the figure is only reported.

    faster: the figure says how many times faster the product is, so more is better. Any other figure (a share of the
    other side's time, a count) is better when smaller. band: the share by which a figure in wall time may miss the
    gate, because other processes use the database and the disk too. medians: whether the figure is a ratio of medians
    although it has no band.
    """

    key: str
    what: str
    unit: Literal["x", "queries", "calls", "rows", "ms", "us", "spans", "questions", "bytes"]
    must: float | None = None
    aim: float | None = None
    faster: bool = False
    band: float = 0.0
    medians: bool = False

    def keeps(self, value: float, bound: float | None, band: float = 0.0) -> bool:
        if bound is None:
            return True
        return value >= bound * (1 - band) if self.faster else value <= bound * (1 + band)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure. sides: the times of both sides, the product first. detail: the counts in words."""

    target: Target
    value: float
    sides: Mapping[str, Sample] = field(default_factory=dict)
    detail: str = ""
    attempts: int = 1

    @property
    def kept(self) -> bool:
        return self.target.keeps(self.value, self.target.must, self.target.band)

    @property
    def aimed(self) -> bool:
        return self.target.keeps(self.value, self.target.aim)

    @property
    def steady(self) -> bool:
        return all(sample.steady for sample in self.sides.values())

    @property
    def verdict(self) -> str:
        if self.target.must is None:
            words = "reported"
        elif not self.kept:
            words = "MISSED"
        elif not self.target.keeps(self.value, self.target.must):
            words = "within the band"
        else:
            words = "aim reached" if self.target.aim is not None and self.aimed else "kept"
        return words if self.steady else f"{words}, unstable"


def settled(measure: Callable[[], Figure], attempts: int = ATTEMPTS) -> Figure:
    """Return the figure. It is measured again while it is unstable or misses its gate; the last attempt counts."""
    for attempt in range(1, attempts + 1):
        figure = replace(measure(), attempts=attempt)
        if figure.kept and figure.steady:
            break
    return figure


# --- the machine ------------------------------------------------------------------------------------------------------


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def machine(database: str) -> dict[str, Any]:
    """The machine of a measurement. database: name and version that the server reports."""
    return {
        "python": platform.python_version(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "database": database,
        "packages": {name: version(name) for name in PACKAGES},
        "sqlite": sqlite3.sqlite_version,
    }


def _cpu_model() -> str:
    """Return the processor's name from Linux, else the kind of machine."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


# --- report -----------------------------------------------------------------------------------------------------------


def as_json(figures: Sequence[Figure], about: Mapping[str, Any]) -> str:
    return json.dumps({**about, "figures": [_json_of(figure) for figure in figures]}, indent=1) + "\n"


def _json_of(figure: Figure) -> dict[str, Any]:
    target = figure.target
    return {
        "key": target.key,
        "what": target.what,
        "unit": target.unit,
        "value": figure.value,
        "must": target.must,
        "aim": target.aim,
        "band": target.band,
        "kept": figure.kept,
        "aimed": figure.aimed if target.aim is not None else None,
        "steady": figure.steady,
        "attempts": figure.attempts,
        "detail": figure.detail,
        "seconds": {
            name: {
                "best": sample.best,
                "lower quartile": sample.quartiles[0],
                "median": sample.median,
                "upper quartile": sample.quartiles[1],
                "samples": len(sample.seconds),
            }
            for name, sample in figure.sides.items()
        },
    }


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the lines of the Markdown report."""
    yield "| # | what | result | must | aim | verdict | measured |"
    yield "|---|---|---:|---:|---:|---|---|"
    for figure in figures:
        target = figure.target
        cells = (
            target.key,
            target.what,
            _amount(figure.value, target),
            _bound(target.must, target),
            _bound(target.aim, target),
            figure.verdict,
            figure.detail or "; ".join(f"{name} {_seconds(_time_of(s, target))}" for name, s in figure.sides.items()),
        )
        yield "| " + " | ".join(cells) + " |"


def _time_of(sample: Sample, target: Target) -> float:
    """Return the time that the ratio uses: the median, or that of the best sample."""
    return sample.median if target.medians or target.band else sample.best


def _bound(bound: float | None, target: Target) -> str:
    return "" if bound is None else f"{'≥' if target.faster else '≤'} {_amount(bound, target)}"


def _amount(value: float, target: Target) -> str:
    number = f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"
    return f"{number}x" if target.unit == "x" else f"{number} {target.unit}"


def _seconds(value: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.2g} us"
