"""The log records of a run name it."""

import json
import logging

import pytest

from config.logs import JsonLine
from tests.syncjobs.conftest import Sync


class Lines(logging.Handler):
    """Keeps what the log of production would contain."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLine())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_each_record_within_a_run_names_it_and_no_other(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Lines()
    log = logging.getLogger("syncjobs.test")
    log.addHandler(found)
    monkeypatch.setattr(sync.source, "during", lambda: log.warning("within"))
    log.warning("before")
    run = sync.plan()
    log.warning("after")
    log.removeHandler(found)
    lines = [json.loads(line) for line in found.lines]
    assert [(line["message"], line.get("run")) for line in lines] == [
        ("before", None),
        ("within", run.pk),
        ("after", None),
    ]
