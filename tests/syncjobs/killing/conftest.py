"""The two sources whose runs are disturbed. Their rows are prepared once for each test process."""

import gc
from collections.abc import Iterator

import pytest

from tests.killing.cases import Scene, build_scene, clock_stands_still
from tests.killing.elsewhere import Elsewhere

_prepared: list[Scene] = []


@pytest.fixture
def scene(transactional_db: None) -> Iterator[Scene]:
    with clock_stands_still():
        if not _prepared:
            _prepared.append(build_scene())
        yield _prepared[0]
        gc.collect()  # what killed runs left open is cleared here, where the warnings about it are expected


@pytest.fixture
def elsewhere(transactional_db: None) -> Iterator[Elsewhere]:
    somebody = Elsewhere()
    yield somebody
    somebody.close()
