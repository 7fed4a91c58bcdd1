"""The check on sizes counts new files too and leaves migrations out."""

import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

main: Callable[[Path], int] = runpy.run_path(str(REPOSITORY / "scripts" / "check_sizes.py"))["main"]


@pytest.mark.parametrize(
    "name,lines,passes",
    [
        ("oncall/a.py", 400, True),
        ("oncall/a.py", 401, False),
        ("tests/test_a.py", 500, True),
        ("tests/test_a.py", 501, False),
        ("oncall/migrations/0001_initial.py", 900, True),
    ],
)
def test_it_holds_files_to_their_limit(tmp_path: Path, name: str, lines: int, passes: bool) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S603, S607
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("\n" * lines)
    assert (main(tmp_path) == 0) is passes


@pytest.mark.parametrize(
    "folder,count,passes",
    [
        ("oncall/models", 14, True),
        ("oncall/models", 15, False),
        ("oncall/rendering", 16, True),
        ("connectors/providers/acme", 24, True),
        ("connectors/simulator/acme", 25, False),
        ("syncjobs/management/commands", 40, True),
        ("tests/oncall/rendering", 40, True),
    ],
)
def test_it_holds_folders_to_their_limit(tmp_path: Path, folder: str, count: int, passes: bool) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S603, S607
    (tmp_path / folder).mkdir(parents=True)
    for name in ("__init__", *(f"m{number}" for number in range(count))):
        (tmp_path / folder / f"{name}.py").touch()
    assert (main(tmp_path) == 0) is passes
