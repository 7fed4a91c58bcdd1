"""The things that the documents mention exist, and all things that they must mention are in them."""

import ast
import re
from pathlib import Path

import pytest

from connectors.registry import CONNECTORS
from tests.paths import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
ADRS = sorted(REPOSITORY.glob("docs/adr/*.md"))
FOLDERS = ("config", "connectors", "docs", "oncall", "requirements", "scripts", "syncjobs", "templates", "tests")
MODULES = [path for folder in FOLDERS for path in REPOSITORY.glob(f"{folder}/**/*.py")]


def text(path: str) -> str:
    return (REPOSITORY / path).read_text()


def variables_read_by_settings() -> list[str]:
    """Returns the first argument of every call of a method of ``env`` in the settings, sorted."""
    calls = (node for node in ast.walk(ast.parse(text("config/settings.py"))) if isinstance(node, ast.Call))
    return sorted(
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    )


def make_verbs() -> list[str]:
    return re.findall(r"^([a-z0-9-]+):.*## ", text("Makefile"), re.MULTILINE)


def test_the_readers_of_these_tests_find_something() -> None:
    assert len(variables_read_by_settings()) >= 15
    assert {"setup", "demo", "test-postgres", "e2e"} <= set(make_verbs())
    assert len(ADRS) >= 6
    assert len(paths_in(text("docs/recipes.md"))) >= 20
    assert {"oncall/a.py", "oncall/b.py", "c.py", "docs/*.md"} == paths_in("`oncall/{a,b}.py` `c.py` `docs/<d>.md` `d`")


@pytest.mark.parametrize("name", variables_read_by_settings())
def test_every_environment_variable_is_documented(name: str) -> None:
    assert re.search(rf"^#?{name}=", text(".env.example"), re.MULTILINE), f"{name} is not in .env.example"
    assert f"| `{name}` |" in text("docs/operations.md"), f"{name} is not in the table of docs/operations.md"


def test_no_document_has_a_variable_that_nothing_reads() -> None:
    documented = set(re.findall(r"^#?([A-Z_]+)=", text(".env.example"), re.MULTILINE))
    documented |= set(re.findall(r"^\| `([A-Z_]+)` \|", text("docs/operations.md"), re.MULTILINE))
    assert documented == set(variables_read_by_settings())


@pytest.mark.parametrize("verb", make_verbs())
def test_every_make_verb_is_documented(verb: str) -> None:
    assert any(re.search(rf"`?make {verb}\b(?!-)", path.read_text()) for path in DOCUMENTS)


def test_every_make_verb_in_a_document_exists() -> None:
    for path in DOCUMENTS:
        verbs = re.findall(r"(?:`|^)make ([a-z0-9][a-z0-9-]*)", path.read_text(), re.MULTILINE)
        assert set(verbs) <= set(make_verbs()), path.name


def test_the_phony_list_is_the_list_of_verbs() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(make_verbs())


def test_the_readme_is_short_and_has_the_two_commands() -> None:
    readme = text("README.md")
    assert len(readme.splitlines()) <= 150
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def paths_in(document: str) -> set[str]:
    """Paths in backticks: in a folder of the repository, or of a module. ``{a,b}`` makes two, ``<a>`` becomes ``*``."""
    found = set()
    for path in re.findall(rf"`((?:(?:{'|'.join(FOLDERS)})/[^`\s]*)|[^`\s]+\.py)`", document):
        before, _, rest = re.sub(r"<[^>]*>", "*", path).partition("{")
        choices, _, after = rest.partition("}")
        found |= {f"{before}{choice}{after}" for choice in choices.split(",")}
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(path: Path) -> None:
    if path.name == "CHANGELOG.md":  # its older entries may contain paths of their time
        return
    for name in paths_in(path.read_text()):
        inside = name.startswith(tuple(f"{folder}/" for folder in FOLDERS))
        assert any(REPOSITORY.glob(name.rstrip("/"))) if inside else any(file.match(name) for file in MODULES), name


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_a_decision_has_a_status_a_date_and_its_three_parts(path: Path) -> None:
    decision = path.read_text()
    assert decision.startswith(f"# {int(path.name[:4])}. ")
    assert re.search(r"^Status: (accepted|superseded by \d{4}), \d{4}-\d{2}-\d{2}$", decision, re.MULTILINE)
    assert re.findall(r"^## (.*)$", decision, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_every_provider_has_a_page() -> None:
    providers = {path.parent.name for path in REPOSITORY.glob("connectors/providers/*/connector.py")}
    pages = {path.stem for path in REPOSITORY.glob("docs/providers/*.md")}
    assert providers <= pages
    assert all(f"(docs/providers/{provider}.md)" in text("README.md") for provider in providers)


def test_the_page_of_a_provider_has_the_steps_to_a_key_that_the_site_shows() -> None:
    for connector in CONNECTORS:
        page = re.sub(r"[*`]", "", " ".join(text(f"docs/providers/{connector.provider}.md").split()))
        assert connector.key_steps and connector.least_right
        assert [step for step in connector.key_steps if step not in page] == []
