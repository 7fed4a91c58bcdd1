"""The table of steps in the guide: no cell is empty, and each page, command and test of it exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import get_commands
from django.urls import resolve

ROOT = Path(__file__).parent.parent
TITLE = "## Every step, and where it is"


class Row(NamedTuple):
    step: str
    page: str
    command: str
    test: str


def rows() -> Iterator[Row]:
    guide = (ROOT / "docs/admin-guide.md").read_text()
    table = guide.partition(TITLE)[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    yield from (Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines)


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_has_the_steps() -> None:
    assert len(list(rows())) > 20


@pytest.mark.parametrize("row", [*rows()], ids=lambda row: row.step)
def test_each_step_has_a_page_a_command_and_a_test(row: Row) -> None:
    assert all(row)
    (page,), (command,), (path, name) = codes(row.page), codes(row.command), codes(row.test)
    assert resolve(page).url_name
    assert get_commands()[command.split()[0]] == "syncjobs"
    assert f"def {name}(" in (ROOT / path).read_text()
