"""Searches the code of the product for writers of on-call tables other than the operations."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from oncall import models
from tests.paths import REPOSITORY

MODELS = frozenset(models.__all__)
WRITES = frozenset(
    {"save", "delete", "update", "create", "get_or_create", "update_or_create", "bulk_create", "bulk_update"}
)
UNMISTAKABLE = frozenset({"bulk_create", "bulk_update", "get_or_create", "update_or_create"})


def _names(node: ast.AST) -> set[str]:
    """What an expression is made from: the names at the head of its chains, not those handed over as arguments."""
    match node:
        case ast.Name():
            return {node.id}
        case ast.Attribute():
            return _names(node.value) | {node.attr}
        case ast.Call():
            return _names(node.func)
        case ast.Constant(value=str(annotation)):
            return _quoted(annotation)
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
            return _names(node.elt)
        case ast.Subscript() | ast.List() | ast.Tuple() | ast.Set() | ast.BinOp() | ast.BoolOp() | ast.IfExp():
            return set().union(*(_names(child) for child in ast.iter_child_nodes(node)))
    return set()


def _quoted(text: str) -> set[str]:
    try:
        return {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    except SyntaxError:
        return set()


def _on_call_names(tree: ast.AST) -> set[str]:
    """The models that a module imports, and every variable assigned, annotated or looped from one of them."""
    known = _imported_models(tree)
    while True:
        before = len(known)
        for node in ast.walk(tree):
            source: ast.AST | None = None
            targets: list[ast.AST] = []
            match node:
                case ast.Assign():
                    source, targets = node.value, list(node.targets)
                case ast.AnnAssign() | ast.arg():
                    source, targets = node.annotation, [node.target if isinstance(node, ast.AnnAssign) else node]
                case ast.For() | ast.comprehension():
                    source, targets = node.iter, [node.target]
                case ast.NamedExpr():
                    source, targets = node.value, [node.target]
                case ast.withitem() if node.optional_vars is not None:
                    source, targets = node.context_expr, [node.optional_vars]
            if source is not None and _names(source) & known:
                for target in targets:
                    known |= {target.arg} if isinstance(target, ast.arg) else _targets(target)
        if len(known) == before:
            return known


def _imported_models(tree: ast.AST) -> set[str]:
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oncall"):
            for name in node.names:
                if name.name in MODELS:
                    known.add(name.asname or name.name)
                elif name.name == "models":
                    known |= MODELS
    return known


def _targets(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def foreign_writes(source: str, *, own_app: bool) -> Iterator[str]:
    """``line: call`` of every write to an on-call model. own_app: every unmistakable write counts, on whatever."""
    tree = ast.parse(source)
    known = _on_call_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            name, receiver = node.func.attr, node.func.value
            if _names(receiver) & known or (own_app and name in UNMISTAKABLE):
                yield f"{node.lineno}: {ast.unparse(node.func)}("


def _product_files() -> list[Path]:
    files = [
        path for app in ("oncall", "connectors", "syncjobs", "config") for path in (REPOSITORY / app).rglob("*.py")
    ]
    writers = (REPOSITORY / "oncall" / "operations", REPOSITORY / "oncall" / "migrations")
    return [path for path in files if not any(path.is_relative_to(folder) for folder in writers)]


def test_only_operations_write_on_call_tables() -> None:
    files = _product_files()
    assert len(files) > 30
    found = {
        str(path.relative_to(REPOSITORY)): writes
        for path in files
        if (writes := list(foreign_writes(path.read_text(), own_app=path.is_relative_to(REPOSITORY / "oncall"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        "Responder.objects.filter(pk=1).update(name='x')",
        "responder = Responder.objects.get(pk=1)\nresponder.save()",
        "for row in Schedule.objects.all():\n    row.delete()",
        "def f(group: UserGroup):\n    group.save(update_fields=['name'])",
        "rows = [Service(name='x')]\nService.objects.bulk_create(rows)",
        "def f(self, responder: 'Responder | None'):\n    responder.save()",
        "x = models.Override\nx.objects.create(by_key='vacant')",
        "page = Responder.objects.all()\nfirst = page[0]\nfirst.delete()",
        "if (row := Service.objects.first()):\n    row.save()",
    ],
)
def test_the_search_finds_planted_writers(code: str) -> None:
    imports = "from oncall.models import Responder, Schedule, Service, UserGroup\nfrom oncall import models\n"
    assert list(foreign_writes(imports + code, own_app=False))


@pytest.mark.parametrize(
    "code",
    ["options = {}\noptions.update(a=1)", "run.save(update_fields=['state'])", "Link.objects.bulk_create(links)"],
)
def test_the_search_ignores_other_tables(code: str) -> None:
    assert not list(foreign_writes(code, own_app=False))
