"""The contract of the pure modules in pyproject.toml is complete. ``lint-imports`` accepts patterns without modules."""

import tomllib

import pytest

from tests.paths import REPOSITORY

#: Modules of a provider that request something, or that build what does.
REQUESTING = {
    "client", "connector", "identity", "login", "paging", "people_details", "people_reading", "probing", "reading",
    "rendered", "schedule_details", "shift_reading",
}  # fmt: skip
_PURE = "The pure middle knows neither Django, Celery nor requests"


def pure_patterns() -> list[str]:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    patterns: list[str] = next(each["source_modules"] for each in contracts if each["name"] == _PURE)
    return patterns


@pytest.mark.parametrize("pattern", pure_patterns())
def test_a_pattern_of_the_contract_has_modules(pattern: str) -> None:
    path = pattern.replace(".", "/")
    assert any(REPOSITORY.glob(f"{path}.py")) or any(REPOSITORY.glob(f"{path}/*.py"))


def test_a_module_of_a_provider_is_pure_or_requests_something() -> None:
    modules = {path.stem for path in REPOSITORY.glob("connectors/providers/*/*.py")} - {"__init__"}
    pure = {pattern.rpartition(".")[2] for pattern in pure_patterns() if pattern.startswith("connectors.providers.*.")}
    assert modules == pure | REQUESTING
    assert not pure & REQUESTING
