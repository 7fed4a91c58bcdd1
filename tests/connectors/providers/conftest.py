"""Fixtures that the tests of several providers share."""

import sys
from types import ModuleType

import pytest


@pytest.fixture
def make(request: pytest.FixtureRequest) -> ModuleType:
    """Returns the conftest of the test's folder, for its builders: ``make.user("P1")``."""
    return sys.modules[f"{request.module.__name__.rpartition('.')[0]}.conftest"]
