"""No form of either site answers 500, whatever is sent for one of its fields."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import pytest
from django.test import Client

from oncall.models import UserGroup
from scripts.attack.forms import Form
from syncjobs.models import SyncProfile
from tests.syncjobs.site.addresses import Address, addresses
from tests.syncjobs.site.tampering import VALUES, Tampering, report

#: What is sent for a field, beside VALUES: lists, and texts that a schedule of a task could be read from.
MORE_VALUES: Final[tuple[Any, ...]] = (
    [], ["1", "-1", str(2**63)], ["x", "x"], "9" * 19, "*/-1", "1-0", "*/0", "59-0/0", "on", "1.5", "NaN", "Infinity",
    "-Infinity", "2026-03-02 09:00", "1" * 400 + ".5",
)  # fmt: skip


def pages_with_forms(client: Client, among: Iterable[Address]) -> Iterator[tuple[Address, Form]]:
    """Yield one form of each address that shows one, with all of its fields."""
    for address in among:
        for url in address.urls()[:1]:
            response = client.get(url)
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            if response.status_code == 200 and is_page:
                form = Form(client, url)
                if set(form.names) - {"csrfmiddlewaretoken"}:
                    yield address, form


def tamper(tampering: Tampering, form: Form, names: Collection[str], values: Collection[Any] = ()) -> None:
    """Send the form with values in the place of each field, also of the fields of an element that is added.

    values: those of Tampering unless given.
    """
    for name in names:
        number = int(form.data.get(name.partition("-__prefix__")[0] + "-TOTAL_FORMS") or 0)
        data = (
            {**form.data, name.partition("-__prefix__")[0] + "-TOTAL_FORMS": str(number + 1)}
            if "__prefix__" in name
            else form.data
        )
        for value in values or ((*VALUES, *MORE_VALUES) if tampering.thorough else tampering.values()):
            tampering.send("post", form.url, {**data, name.replace("__prefix__", str(number)): value})


@pytest.mark.slow
def test_no_field_of_a_form_answers_500(tampering: Tampering, capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()
    for address, form in pages_with_forms(tampering.client, addresses()):
        seen.add(address.name)
        tamper(tampering, form, form.names)
    report(tampering, f"fields of {len(seen)} forms", capsys)


#: Values that failed on SQLite.
FAILED_ONCE: Final[tuple[Any, ...]] = ("-1", str(2**63), ["1", "9" * 5_000])


def tamper_with_choices(tampering: Tampering) -> None:
    """Send what failed once for each multiple choice, and for the rule of automatic syncs."""
    for address in addresses():
        if address.model is None or not address.name.endswith(("_add", "_change")):
            continue
        is_schedule = address.model is SyncProfile
        several = {"leads", *(field.name for field in address.model._meta.many_to_many)}
        if is_schedule or len(several) > 1 or address.model is UserGroup:
            for _, form in pages_with_forms(tampering.client, [address]):
                names = [name for name in form.names if name in several or (is_schedule and "csrf" not in name)]
                tamper(tampering, form, names, FAILED_ONCE)


@pytest.mark.slow
def test_no_choice_out_of_range_and_no_odd_rule_answers_500(
    tampering: Tampering, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper_with_choices(tampering)
    assert tampering.places > 30
    report(tampering, "choices and rules", capsys)


def test_a_planted_fault_of_a_form_is_found(tampering: Tampering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncjobs.admin.automatic.clean_every", lambda text: text)
    monkeypatch.setattr("syncjobs.slots.every.unreadable", lambda text: "")
    tampering.thorough = True
    (page,) = [each for each in addresses() if each.name == "admin:syncjobs_syncprofile_change"]
    for _, form in pages_with_forms(tampering.client, [page]):
        tamper(tampering, form, ["every"], ["-1"])
    assert len(tampering.faults) == 1
