"""The recorded answers that once were read wrongly: each gives the right document now."""

import json
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.connections.opening import replay_connector
from connectors.recordings.recording import load
from connectors.recordings.replay import document
from oncall.rendering.zones import DAY
from syncjobs.management.shell import instant_of
from tests.connectors.cases.judge import holds
from tests.paths import SHARED

CASES = SHARED / "cases"
LISTED: list[dict[str, Any]] = json.loads((CASES / "cases.json").read_text()) if CASES.exists() else []


@pytest.mark.skipif(not LISTED, reason="the recorded cases are not here")
@pytest.mark.parametrize("case", LISTED, ids=lambda case: str(case["name"]))
def test_the_document_is_right(case: dict[str, Any]) -> None:
    connector = replay_connector(load(CASES / case["file"]))
    since = instant_of(case["since"]) if case["since"] else int(connector.rim.now())
    until = instant_of(case["until"]) if case["until"] else since + 14 * DAY
    printed = document(connector.fetch(Selection(), contact_details=True), since, until)
    assert holds(case["right"], printed), (printed["notes"], printed["failed"], case["why"])
