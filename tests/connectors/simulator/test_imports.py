"""The simulator is a second opinion: it imports only the standard library and itself."""

import ast
import sys
from pathlib import Path

from tests.paths import REPOSITORY

PACKAGE = REPOSITORY / "connectors" / "simulator"


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(node.module or "")
    return names


def test_it_imports_the_standard_library_and_itself_only() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 20
    strangers = {
        (path.name, name)
        for path in files
        for name in _imported(path)
        if not name.startswith("connectors.simulator") and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert strangers == set()
