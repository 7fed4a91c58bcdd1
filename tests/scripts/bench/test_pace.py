"""The least time a read can take, and a vendor in another process whose answers are paced."""

import pytest

from scripts.bench import pace
from scripts.bench.effort import QUICK
from scripts.bench.pace import WINDOW, Read, Scene


def test_nobody_reads_faster_than_the_vendor_answers_and_than_the_windows_pass() -> None:
    assert Read(9.0, 8.0, 100, 0, Scene(10, 0.1, 100)).least_seconds == 8
    assert Read(9.0, 3.0, 300, 2, Scene(10, 0.01, 100)).least_seconds == 2 * WINDOW + 1
    assert Read(9.0, 99.0, 300, 2, Scene(10, 0.33, 100)).least_seconds == 99


def test_a_read_is_timed_and_its_refusals_are_counted_separately(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW", 1.0)
    read = pace._read("jsm", Scene(30, 0.001, 8))
    assert read.answered > 8
    assert read.refused == read.windows - 1
    assert 0.001 * read.answered <= read.answering < read.seconds
    assert read.seconds >= read.least_seconds


def test_who_counts_what_was_used_refuses_nobody_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WINDOW", 1.0)
    read = pace._read("xmatters", Scene(130, 0.001, 8))
    assert read.windows > 2
    assert read.refused == 0


def test_waiting_is_left_out_of_the_quick_run() -> None:
    assert list(pace.measure(QUICK)) == []
