"""Measures times that are reliable on a busy machine with two cores.

Pure computing is measured in CPU time and compared by the best sample, which changes by a few per cent under load. Work
with a database server is measured in wall time and compared by the median. Samples of both sides alternate, and the
garbage collector is off. A result is *unstable* when the upper quartile of a side is far above its best sample.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

SAMPLE_SECONDS: Final = 0.02
WARM_UPS: Final = 2
#: Seconds; a longer call needs only one call to warm up.
LONG_SECONDS: Final = 0.2
STEADY: Final = 1.6
ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """The measured seconds of one call, one value per sample."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Return the lower and the upper quartile. For a single sample both are its value."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        lower, _, upper = quantiles(self.seconds, n=4, method="inclusive")
        return lower, upper

    @property
    def steady(self) -> bool:
        return self.quartiles[1] <= STEADY * self.best

    def times(self, factor: float) -> "Sample":
        """Return the sample multiplied by a factor, for a side that did a part or a multiple of the work."""
        return Sample(tuple(each * factor for each in self.seconds))


@dataclass(frozen=True, slots=True)
class Work:
    """One side of a comparison in wall time. before: called before each sample, not timed."""

    run: Callable[[], object]
    before: Callable[[], object] = lambda: None


@contextmanager
def _undisturbed() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _loops(side: Callable[[], object], clock: Callable[[], float], sample_seconds: float) -> int:
    """Return how many calls make a sample that is long enough."""
    for _ in range(WARM_UPS):
        started = clock()
        side()
        took = clock() - started
        if took > LONG_SECONDS:
            break
    return max(1, math.ceil(sample_seconds / max(took, 1e-7)))


def cpu_times(
    sides: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.process_time,
    sample_seconds: float = SAMPLE_SECONDS,
) -> dict[str, Sample]:
    """Return the CPU seconds of one call per side. Both sides alternate ``rounds`` times."""
    loops = {name: _loops(side, clock, sample_seconds) for name, side in sides.items()}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    with _undisturbed():
        for _ in range(rounds):
            for name, side in sides.items():
                started = clock()
                for _ in range(loops[name]):
                    side()
                taken[name].append((clock() - started) / loops[name])
    return {name: Sample(tuple(each)) for name, each in taken.items()}


def wall_times(
    sides: Mapping[str, Work], rounds: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Sample]:
    """Return the wall seconds of one run per side. Both sides alternate ``rounds`` times after a warm-up round."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    with _undisturbed():
        for number in range(rounds + 1):
            for name, work in sides.items():
                work.before()
                started = clock()
                work.run()
                if number:
                    taken[name].append(clock() - started)
                gc.collect()
    return {name: Sample(tuple(each)) for name, each in taken.items()}
