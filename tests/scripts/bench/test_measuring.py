"""The sides are timed in turns, without the preparation. Each figure is compared with its target."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.bench import __main__ as command
from scripts.bench import calls
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled, table
from scripts.bench.measuring import Sample, Work, cpu_times, wall_times

FASTER = Target("T1", "something", "x", 20, 60, faster=True)
COUNT = Target("T2", "something else", "queries", 8, 5)


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, *seconds: float) -> Callable[[], None]:
        """A side that takes these seconds, one after the other, the last for ever."""
        left = list(seconds)

        def side() -> None:
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return side


def test_sides_take_turns_and_a_sample_is_repeated_work() -> None:
    clock = Clock()
    sides = {"ours": clock.work("a", 0.005), "theirs": clock.work("b", 0.25)}
    times = cpu_times(sides, 3, clock=clock, sample_seconds=0.02)
    # Two calls warm up the short side, one the long; then four calls of ours fill a sample.
    assert "".join(clock.log) == "aab" + "aaaab" * 3
    assert times["ours"].seconds == pytest.approx([0.005] * 3)
    assert times["theirs"].best == pytest.approx(0.25)


def test_wall_times_leave_out_the_first_round_and_what_comes_before() -> None:
    clock = Clock()
    before = clock.work("-", 100)
    times = wall_times(
        {"ours": Work(clock.work("a", 9, 1, 2), before), "theirs": Work(clock.work("b", 5))}, 2, clock=clock
    )
    assert "".join(clock.log) == "-ab" * 3
    assert times["ours"].seconds == (1, 2)
    assert times["theirs"].seconds == (5, 5)


def test_a_sample_tells_its_middle_and_whether_it_is_steady() -> None:
    sample = Sample((1.0, 1.1, 1.2, 1.3, 9.0))
    assert (sample.best, sample.median, sample.quartiles) == (1.0, 1.2, (1.1, 1.3))
    assert sample.steady
    assert not Sample((1.0, 1.7, 1.8)).steady
    assert Sample((2.0,)).quartiles == (2.0, 2.0)
    assert sample.times(10).median == pytest.approx(12)


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (FASTER, 19.9, "MISSED"),
        (FASTER, 20, "kept"),
        (FASTER, 60, "aim reached"),
        (replace(FASTER, band=0.3), 14, "within the band"),
        (replace(FASTER, band=0.3), 13.9, "MISSED"),
        (COUNT, 9, "MISSED"),
        (COUNT, 8, "kept"),
        (COUNT, 5, "aim reached"),
        (replace(COUNT, band=0.3), 10.4, "within the band"),
        (replace(COUNT, must=None, aim=None), 99, "reported"),
    ],
)
def test_a_claim_is_judged_by_its_direction_and_band(target: Target, value: float, verdict: str) -> None:
    figure = Figure(target, value)
    assert figure.verdict == verdict
    assert figure.kept is (verdict != "MISSED")


def test_a_shaky_result_says_so() -> None:
    assert Figure(COUNT, 8, {"ours": Sample((1.0, 2.0, 3.0))}).verdict == "kept, unstable"


@pytest.mark.parametrize(("values", "value", "attempts"), [((9, 9, 7), 7, 3), ((9, 8), 8, 2), ((9, 10, 11, 1), 11, 3)])
def test_a_miss_is_measured_again_three_times_at_most(values: tuple[int, ...], value: int, attempts: int) -> None:
    left = iter(values)
    figure = settled(lambda: Figure(COUNT, next(left)))
    assert (figure.value, figure.attempts) == (value, attempts)


def test_the_table_shows_result_bounds_and_both_sides() -> None:
    times = {"ours": Sample((0.002,)), "theirs": Sample((1.5,)), "tiny": Sample((0.0000004,))}
    rows = list(table([Figure(FASTER, 75.04, times), Figure(COUNT, 1234, detail="of many")]))
    assert rows[2:] == [
        "| T1 | something | 75x | ≥ 20x | ≥ 60x | aim reached | ours 2 ms; theirs 1.5 s; tiny 0.4 us |",
        "| T2 | something else | 1,234 queries | ≤ 8 queries | ≤ 5 queries | MISSED | of many |",
    ]


@pytest.mark.parametrize(("value", "code"), [(8, 0), (9, 1)])
def test_a_missed_gate_is_the_exit_code(
    value: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def area(effort: Effort) -> Iterator[Figure]:
        yield Figure(COUNT, value, {"ours": Sample((1.0, 1.1))})

    versions = dict.fromkeys(("django", "diffsync"), "1")
    monkeypatch.setattr(command, "AREAS", {"reads": area})
    monkeypatch.setattr(command.database, "opened", lambda: contextlib.nullcontext("SQLite 3"))
    monkeypatch.setattr(
        command, "machine", lambda server: {"python": "3", "cpu": "one", "cpus": 1, "packages": versions, "on": server}
    )
    assert command.main(["--only", "reads", "--json", str(tmp_path / "out.json")]) == code
    report = json.loads((tmp_path / "out.json").read_text())
    [figure] = report["figures"]
    assert (figure["key"], figure["value"], figure["kept"], figure["seconds"]["ours"]["best"]) == (
        "T2",
        value,
        code == 0,
        1.0,
    )
    assert report["on"] == "SQLite 3"
    printed = capsys.readouterr()
    assert "| T2 | something else |" in printed.out
    assert ("Missed: T2." in printed.err) is (code == 1)


def test_everything_is_read_in_the_fewest_calls() -> None:
    state = calls.world(600)
    assert calls.calls_of(state, calls.Selection()) == calls.fewest_for_everything(state)
