"""The short form of ``make torture ARGS=runs``: a few kills and a stop of real workers on PostgreSQL and Redis."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.paths import REPOSITORY

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="no PostgreSQL"),
    pytest.mark.skipif(not (shutil.which("redis-server") or shutil.which("valkey-server")), reason="no redis-server"),
]


def test_runs_survive_kills_and_stops_of_their_workers(record_property: Callable[[str, object], None]) -> None:
    command = [sys.executable, "-m", "scripts.torture", "runs", "--quick"]
    kept = {name: value for name, value in os.environ.items() if name not in {"DJANGO_SETTINGS_MODULE", "ENV_FILE"}}
    done = subprocess.run(command, cwd=REPOSITORY, env=kept, capture_output=True, text=True, check=False)  # noqa: S603
    record_property("counts", done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Broken promises: 0" in done.stdout
