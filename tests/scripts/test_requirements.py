"""The lists of requirements: every package has one version and the hashes of its files."""

import re
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

LISTS = sorted((REPOSITORY / "requirements").glob("*.txt"))
PINNED = re.compile(r"[\w.-]+(\[[\w,-]+\])?==\S+( ; [^\\]+)?(\s+--hash=sha256:[0-9a-f]{64})+")


def unpinned(text: str) -> list[str]:
    """Returns the requirements of a list without an exact version or without hashes."""
    requirements = text.replace("\\\n", " ").splitlines()
    return [line for line in requirements if not PINNED.fullmatch(line)]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_requirement_has_a_version_and_hashes(path: Path) -> None:
    text = path.read_text()
    assert text.count("==") > 40
    assert unpinned(text) == []


@pytest.mark.parametrize(
    "line", ["django", "django==5.2.19", "django>=5 --hash=sha256:" + "0" * 64, "django==5.2 --hash=sha256:abc"]
)
def test_the_reader_finds_a_planted_line(line: str) -> None:
    assert unpinned(f"{line}\n") == [line]


def test_all_lists_have_the_same_version_and_hashes_of_a_package() -> None:
    found: dict[str, set[str]] = {}
    for path in LISTS:
        for line in path.read_text().replace("\\\n", " ").splitlines():
            found.setdefault(line.partition("==")[0], set()).add(line)
    assert {name: sorted(lines) for name, lines in found.items() if len(lines) > 1} == {}


def test_make_refuses_packages_without_hashes() -> None:
    installs = [line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
