"""Only accounts that may see people see addresses: not in runs, items, questions or the change log either."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connectors.records import SourceContactMethod, SourceNotificationRule
from oncall.masking import HIDDEN, without_addresses
from oncall.models import ChangeRecord, Responder, User
from oncall.operations import create_account
from syncjobs.models import Conflict, SyncItem, SyncRun
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import BY, Sync, edit, user

VIEW = ("view_syncrun", "view_syncitem", "view_conflict", "view_changerecord", "view_connection")
#: The second phone number looks like any other number: only its field says what it is.
ADDRESSES = ("kanarie@example.com", "kanarie.two@example.com", "+4915550001", "5550002", "kanarie.account@example.com")


@pytest.fixture
def pages(sync: Sync) -> list[str]:
    """The pages that show what happened to a person with these addresses."""
    methods = (
        SourceContactMethod("C1", "email", ADDRESSES[0], "Work", True),
        SourceContactMethod("C2", "sms", ADDRESSES[2], "", True),
        SourceContactMethod("C3", "voice", ADDRESSES[3], "", True, extension="77"),
    )
    rules = (SourceNotificationRule("N1", "high", 0, "C3"),)
    ana = user("U1", "Ana", email=ADDRESSES[0], contact_methods=methods, notification_rules=rules)
    others = sync.source.snapshot.users[1:]
    sync.source.change(users=(ana, *others))
    sync.run()
    edit("responder", Responder.objects.get(name="Ana"), email=ADDRESSES[1])
    edit("responder", Responder.objects.get(name="Bo"), email=ADDRESSES[1])
    sync.source.change(users=(replace(ana, email="third.kanarie@example.com", notification_rules=()), *others))
    run = sync.run()
    run.reason = f"The address {ADDRESSES[0]} and the number {ADDRESSES[2]} are not valid."
    run.notes = [{"entity_type": "responder", "external_id": "U1", "code": "x", "message": run.reason}]
    run.save()
    SyncItem.objects.filter(run=run).update(reason=run.reason)
    SyncRun.objects.create(
        connection=sync.connection, profile=sync.profile, kind="apply", state="failed", reason=run.reason
    )
    create_account(ADDRESSES[4], by=BY)
    lists = [reverse(f"admin:{name}_changelist") for name in ("syncjobs_syncrun", "syncjobs_conflict")]
    records = reverse("admin:oncall_changerecord_changelist")
    return [
        *lists, records,
        *(reverse("admin:syncjobs_syncrun_change", args=[each.pk]) for each in SyncRun.objects.all()),
        *(reverse("admin:syncjobs_syncrun_progress", args=[each.pk]) for each in SyncRun.objects.all()),
        *(reverse("admin:syncjobs_syncrun_item", args=[each.run_id, each.pk]) for each in SyncItem.objects.all()),
        *(reverse("admin:syncjobs_conflict_change", args=[each.pk]) for each in Conflict.objects.all()),
        *(reverse("admin:oncall_changerecord_change", args=[each.pk]) for each in ChangeRecord.objects.all()),
    ]  # fmt: skip


def shown(client: Client, pages: list[str]) -> dict[str, set[str]]:
    """The pages that show an address, and the addresses."""
    found: dict[str, set[str]] = {}
    for url in pages:
        text = client.get(url).content.decode()
        own = text.replace("eve@example.com", "")  # who is logged in
        if addresses := {each for each in (*ADDRESSES, "third.kanarie@example.com", "kanarie") if each in own}:
            found[url] = addresses
    return found


def test_they_are_shown_to_those_who_may_see_people(pages: list[str]) -> None:
    found = shown(staff(*VIEW, "view_responder", "view_user"), pages)
    assert set.union(*found.values()) >= set(ADDRESSES)
    kinds = {re.sub(r"\d+", "1", url) for url in found}
    assert kinds >= {re.sub(r"\d+", "1", url) for url in pages}


def test_nobody_else_sees_one_on_any_page(pages: list[str]) -> None:
    client = staff(*VIEW)
    assert {client.get(url).status_code for url in pages} <= {200, 286, 302}  # 302: records of accounts
    assert shown(client, pages) == {}
    assert any(HIDDEN in client.get(url).content.decode() for url in pages)


@pytest.mark.parametrize("name", ["oncall_changerecord", "syncjobs_conflict"])
def test_nobody_else_finds_out_by_a_search_whether_an_address_exists(pages: list[str], name: str) -> None:
    client = staff(*VIEW)
    lengths = {len(client.get(reverse(f"admin:{name}_changelist"), {"q": q}).content) for q in ("kanarie", "nobodyy")}
    assert len(lengths) == 1


def test_a_filter_of_items_finds_no_address_either(sync: Sync) -> None:
    sync.source.change(users=(user("U1", "kanarie@example.com"), *sync.source.snapshot.users[1:]))
    url = reverse("admin:syncjobs_syncrun_change", args=[sync.run().pk])
    for permissions, is_found in ((VIEW, False), ((*VIEW, "view_responder"), True)):
        User.objects.all().delete()
        client = staff(*permissions)
        assert ("No item matches" not in client.get(url, {"q": "kanarie"}).content.decode()) == is_found


@pytest.mark.parametrize(
    "value,hidden",
    [
        ("ana@example.com", HIDDEN),
        ("'ana@example.com' is invalid", f"'{HIDDEN}' is invalid"),
        ("call +49 (155) 500-01.", f"call {HIDDEN}."),
        ("Mon 2 Mar 2026 09:00 UTC", "Mon 2 Mar 2026 09:00 UTC"),
        ("2026-03-02T09:00:00+00:00", "2026-03-02T09:00:00+00:00"),
        ("1:P12345678", "1:P12345678"),
        ({"email": ["a", None]}, {"email": [HIDDEN, None]}),
        ({"leads.a@b.c": [None, True], "leads.d@b.c": [True, None]},
         {HIDDEN: [None, True], f"{HIDDEN}…": [True, None]}),
        ({"C": [{"address": "555", "extension": "", "enabled": True}, None]},
         {"C": [{"address": HIDDEN, "extension": "", "enabled": True}, None]}),
        (("a@b.c", 1, None), (HIDDEN, 1, None)),
    ],
)  # fmt: skip
def test_addresses_are_found_in_texts_and_by_the_names_of_fields(value: Any, hidden: Any) -> None:
    assert without_addresses(value) == hidden
