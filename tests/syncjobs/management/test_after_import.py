"""The command that prints what is left to do after an import, and assigns the owners of services."""

from typing import Any

import pytest

from connectors.records import SourceService
from oncall.models import ChangeRecord, Service, User
from tests.syncjobs.conftest import Sync, world
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(sync: Sync) -> Sync:
    """Two services, one of them without owners."""
    sync.source.change(services=(*world().services, SourceService("V2", "Search")))
    sync.run()
    return sync


def steps(sync: Sync) -> dict[str, Any]:
    return {step["step"]: step["state"] for step in document("after_import", sync.connection.name)["steps"]}


def test_it_prints_each_step_with_its_figure_and_exits_3_while_one_is_open(imported: Sync) -> None:
    code, text = shell("after_import", imported.connection.name)
    assert code == 3
    assert "2 services: 1 without a user group or an escalation policy." in text
    assert steps(imported)["Route alerts"] == "coming"


def test_it_assigns_the_owners_of_services(imported: Sync) -> None:
    search, name = Service.objects.get(name="Search"), imported.connection.name
    assert steps(imported)["Update service ownership"] == "open"
    _, text = shell("after_import", name, "--assign", str(search.pk), "--group", "platform", "--policy", "Default")
    assert "Services that were changed: 1." in text
    assert steps(imported)["Update service ownership"] == "done"
    assert ChangeRecord.objects.filter(model="service", object_id=search.pk, cause="shell").exists()
    again = document("after_import", name, "--assign", str(search.pk), "--group", "platform")
    assert again["assigned"] == 0


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--group", "Platform"], 64, "--assign needs --group or --policy"),
        (["--assign", "{search}"], 64, "--assign needs --group or --policy"),
        (["--assign", "{search}", "--group", "Nobody"], 64, "No active user group has the name “Nobody”"),
        (["--assign", "{search}", "999999", "--group", "Platform"], 64, "has no active service 999999"),
        (["--assign", "{search}", "--group", "Platform", "--by", "viewer@example.com"], 1, "may not change services"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(imported: Sync, options: list[str], code: int, text: str) -> None:
    User.objects.create_user("viewer@example.com", "not-a-real-password")
    search = Service.objects.get(name="Search")
    given = [option.format(search=search.pk) for option in options]
    found, printed = shell("after_import", imported.connection.name, *given)
    assert (found, text in printed) == (code, True), printed
    search.refresh_from_db()
    assert search.group is None
