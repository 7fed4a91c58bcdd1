"""The page of the selection: the objects of the source, and what they import."""

from collections.abc import Iterator, Sequence

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from connectors.closure import Node
from connectors.errors import ProviderUnavailable, ReadStopped
from connectors.models import Connection
from connectors.simulator.pagerduty import Simulator
from oncall.models import User
from syncjobs.setup import inventory
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, staff
from tests.syncjobs.conftest import Sync, connect

pytestmark = pytest.mark.django_db


class Shelf:
    """A connector's inventory. ``reads``: how often the source was read."""

    label = "PagerDuty"
    calls = 4

    def __init__(self) -> None:
        self.nodes: Sequence[Node] = (
            Node("user_group", "T1", "Platform"),
            Node("schedule", "S1", "Primary", references=(("responder", "U1"), ("responder", "U2"))),
            Node("escalation_policy", "P1", "Default", references=(("schedule", "S1"),), owners=("T1",)),
            Node("service", "V1", "Checkout", references=(("escalation_policy", "P1"),)),
        )
        self.error: Exception | None = None
        self.reads = 0

    def inventory(self) -> Sequence[Node]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.nodes


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    cache.clear()
    made = Shelf()
    monkeypatch.setattr(inventory, "open_connector", lambda connection, **kwargs: made)
    yield made
    cache.clear()


def url(connection: Connection, page: str = "import") -> str:
    return reverse(f"admin:connectors_connection_{page}", args=[connection.pk])


def rules(**changes: object) -> dict[str, object]:
    return {"scope": "everything", **changes}


def ask(client: Client, sync: Sync, part: str, **more: object) -> str:
    answer = client.post(url(sync.connection, "inventory"), {"part": part, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_choice_is_stored_as_a_selection(sync: Sync, admin_client: Client) -> None:
    chosen = ["service:V1", "user_group:T1", "responder:U1", "nonsense", "service:"]
    answer = admin_client.post(url(sync.connection), rules(scope="chosen", chosen=chosen))
    assert answer.headers["Location"] == url(sync.connection)
    sync.profile.refresh_from_db()
    assert sync.profile.selection == {"everything": False, "chosen": {"service": ["V1"], "user_group": ["T1"]}}
    assert sync.profile.rules_version == 1


def test_choosing_nothing_is_refused(sync: Sync, admin_client: Client) -> None:
    page = admin_client.post(url(sync.connection), rules(scope="chosen"))
    assert "Nothing is ticked." in page.content.decode()
    sync.profile.refresh_from_db()
    assert sync.profile.selection == {"everything": True}


def test_the_page_asks_the_source_only_when_somebody_wants_it(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    assert "Read the source" in admin_client.get(url(sync.connection)).content.decode()
    assert shelf.reads == 0
    fragment = ask(admin_client, sync, "chooser")
    assert "Checkout" in fragment
    page = admin_client.get(url(sync.connection)).content.decode()
    assert "Checkout" in page
    assert shelf.reads == 1
    ask(admin_client, sync, "fresh")
    assert shelf.reads == 2


def test_another_target_or_key_is_read_again(sync: Sync, shelf: Shelf) -> None:
    inventory.inventory_of(sync.connection)
    sync.connection.seal_credentials({"api_key": "u+another-key"})
    assert inventory.cached_inventory(sync.connection) is None


def test_a_service_shows_what_it_brings_along(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    tree = ask(admin_client, sync, "tree")
    assert '<div class="rb-branch rb-depth-1">escalation policy Default</div>' in tree
    assert '<div class="rb-branch rb-depth-2">schedule Primary</div>' in tree
    assert '<div class="rb-branch rb-depth-3">2 people</div>' in tree


def test_the_page_says_what_the_tree_of_a_provider_lacks(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    words = "the schedules of all its shifts are imported."
    assert words not in ask(admin_client, sync, "chooser")
    Connection.objects.update(provider="xmatters")
    assert words in ask(admin_client, sync, "chooser")
    Connection.objects.update(provider="gone")
    assert words not in ask(admin_client, sync, "chooser")


def test_what_comes_along_says_because_of_what(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    along = ask(admin_client, sync, "along", chosen="service:V1", scope="chosen")
    assert "because of service Checkout" in along
    assert "because of escalation policy Default" in along
    assert "2 people" in along
    assert "only count when" not in along
    assert "only count when" in ask(admin_client, sync, "along", chosen="service:V1", scope="everything")
    assert "Nothing is ticked yet." in ask(admin_client, sync, "along")


def test_a_search_keeps_what_is_ticked(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    tree = ask(admin_client, sync, "tree", q="PRIM", chosen=["service:V1", "schedule:S1", "schedule:GONE"])
    assert 'value="service:V1" checked' in tree
    assert 'value="schedule:S1" checked' in tree
    assert "schedule GONE (no longer at the source)" in tree
    assert 'value="escalation_policy:P1"' not in tree
    assert "No name matches." in tree


def test_a_large_account_is_cut_and_searchable(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    shelf.nodes = tuple(Node("service", f"V{number}", f"Service {number:04}") for number in range(3000))
    tree = ask(admin_client, sync, "tree", chosen="service:V2999")
    assert tree.count('type="checkbox"') == inventory.MOST_ROWS
    assert "and 2950 more. Search for a part of the name" in tree
    assert 'value="service:V2999" checked' in tree
    assert ask(admin_client, sync, "tree", q="0123").count('type="checkbox"') == 1


def test_many_branches_are_cut(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    schedules = tuple(Node("schedule", f"S{number}", f"Rota {number}") for number in range(30))
    shelf.nodes = (*schedules, Node("escalation_policy", "P1", "Long", references=tuple(s.key for s in schedules)))
    assert "and 22 more" in ask(admin_client, sync, "tree", q="long")


def test_a_source_that_fails_keeps_the_ticks_and_says_why(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    sync.run()
    shelf.error = ProviderUnavailable(f"502 {HOSTILE}", hint="Try later.", provider="pagerduty")
    fragment = ask(admin_client, sync, "chooser", chosen="service:V1")
    assert_harmless(fragment)
    assert "Try later." in fragment
    assert "service Checkout" in fragment
    assert 'value="service:V1" checked' in fragment
    shelf.error = ReadStopped("stopped", hint="", provider="pagerduty")
    assert "did not arrive within 60 seconds" in ask(admin_client, sync, "chooser")


def test_hostile_names_are_text(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    shelf.nodes = (
        Node("schedule", '"><script>canary()</script>', HOSTILE),
        Node("escalation_policy", "P1", HOSTILE, references=(("schedule", '"><script>canary()</script>'),)),
    )
    assert_harmless(ask(admin_client, sync, "chooser", chosen="escalation_policy:P1"))
    assert_harmless(admin_client.get(url(sync.connection)).content.decode())


def test_a_choice_made_before_is_shown_by_name(sync: Sync, admin_client: Client, shelf: Shelf) -> None:
    sync.run()
    admin_client.post(url(sync.connection), rules(scope="chosen", chosen=["service:V1", "service:V7"]))
    page = admin_client.get(url(sync.connection)).content.decode()
    assert "service Checkout" in page
    assert "service V7" in page


def test_rights(sync: Sync, admin_client: Client, admin_user: User, shelf: Shelf) -> None:
    client = staff("view_connection", "view_syncprofile")
    page = client.get(url(sync.connection)).content.decode()
    assert "You need the right to start syncs to list the objects at the source." in page
    assert "Save</button>" not in page
    assert client.post(url(sync.connection), rules()).status_code == 403
    assert client.post(url(sync.connection), {"do": "sync"}).status_code == 403
    assert client.post(url(sync.connection), {"do": "search", "q": "API"}).status_code == 200
    assert client.post(url(sync.connection, "inventory")).status_code == 403
    assert admin_client.get(url(sync.connection, "inventory")).status_code == 405
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(admin_user)
    assert guarded.post(url(sync.connection), rules()).status_code == 403
    assert guarded.post(url(sync.connection, "inventory")).status_code == 403
    assert shelf.reads == 0


def test_the_tree_of_a_simulated_account(admin_client: Client, simulator: Simulator) -> None:
    cache.clear()
    profile = connect()
    fragment = admin_client.post(url(profile.connection, "inventory")).content.decode()
    assert "Services" in fragment
    assert "escalation policy Platform" in fragment
