"""No request answers 500, whatever a person writes into its address, its query or its form."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from syncjobs.models import Conflict
from syncjobs.planning.decisions.table import CHOICES
from tests.syncjobs.site.addresses import Address, addresses
from tests.syncjobs.site.tampering import VALUES, Tampering, report

#: Parameters of lists, and of all other pages. Filters of a list are added.
OF_LISTS: Final = ("q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "id__exact")
OF_PAGES: Final = (
    "_popup", "_to_field", "_changelist_filters", "at", "from", "days", "zone", "kind", "action", "outcome", "page",
    "q", "s", "provider", "next", "term", "app_label", "model_name", "field_name", "extended",
)  # fmt: skip
#: Fields that buttons send.
OF_BUTTONS: Final = (
    "tick", "item", "approve", "all", "query", "chosen", "part", "q", "scope", "confirmed", "despite_rules", "kind",
    "action", "outcome", "active",
)  # fmt: skip
#: Fields that the page of a question sends, which answers GET, too, beside the arguments of its choices.
OF_QUESTIONS: Final = (
    "choice", "evidence_hash", "claims-0", "remember", "comment", "assignee", "assign", "confirm", "decline", "then",
)  # fmt: skip


def with_other_ids(address: Address) -> Iterator[str]:
    """Yield the address with each value in the place of each id."""
    mark = 987_654_321
    values = {name: (address.other_values(name) or (mark,))[0] for name in address.parameters}
    url = reverse(address.name, kwargs=values)
    for value in VALUES if str(mark) in url else ():
        yield url.replace(str(mark), quote(value, safe=""))


def parameters(address: Address) -> Iterator[str]:
    if not address.name.endswith("_changelist"):
        yield from OF_PAGES
        return
    yield from OF_LISTS
    for entry in admin.site._registry[address.model].get_list_filter(HttpRequest()):
        entry = entry[0] if isinstance(entry, tuple) else entry
        yield from (
            (entry, f"{entry}__exact", f"{entry}__id__exact") if isinstance(entry, str) else (entry.parameter_name,)
        )


def test_no_id_in_an_address_answers_500(tampering: Tampering, capsys: pytest.CaptureFixture[str]) -> None:
    for address in addresses():
        for url in with_other_ids(address):
            tampering.send("get", url)
            tampering.send("post", url)
    report(tampering, "ids in addresses", capsys)


@pytest.mark.slow
def test_no_query_answers_500(tampering: Tampering, capsys: pytest.CaptureFixture[str]) -> None:
    for address in addresses():
        for url in address.urls()[:1] if not address.name.endswith(":logout") else ():
            needed = {"s": "a"} if address.name.endswith(":search") else {}  # without it, nothing is searched
            for name in parameters(address):
                for value in tampering.values():
                    tampering.send("get", url, {**needed, name: value})
    for data in autocompletes():
        for name in data:
            for value in tampering.values():
                tampering.send("get", reverse("admin:autocomplete"), {**data, name: value})
    report(tampering, "queries", capsys)


def autocompletes() -> Iterator[dict[str, str]]:
    for model, model_admin in admin.site._registry.items():
        for field in model_admin.get_autocomplete_fields(HttpRequest()):
            yield {
                "app_label": model._meta.app_label, "model_name": str(model._meta.model_name), "field_name": field,
                "term": "a", "page": "1",
            }  # fmt: skip


def names_of_actions(model: Any) -> list[str]:
    actions = admin.site._registry[model].actions or ()
    return [each if isinstance(each, str) else str(each.__name__) for each in actions]


def press_and_act(tampering: Tampering, among: list[Address]) -> None:
    """Press each button, and each action of each list, with each of its fields tampered with."""
    for address in among:
        for url in address.urls()[:1]:
            if tampering.client.get(url).status_code == 405:
                for name in OF_BUTTONS:
                    for value in tampering.values():
                        tampering.send("post", url, {name: value, "item": value})
            if address.name.endswith(":syncjobs_conflict_change"):
                answer_questions(tampering, address)
            if address.name.endswith("_changelist"):
                for action in ("delete_selected", *names_of_actions(address.model), "unknown"):
                    data = {"action": action, "_selected_action": "1", "index": "0", "select_across": "0"}
                    for name in (*data, "step", "evidence", "choice_user_not_found"):
                        for value in tampering.values():
                            tampering.send("post", url, {**data, "step": "answer", name: value})


def answer_questions(tampering: Tampering, address: Address) -> None:
    """Send each form of each question, with each of its fields tampered with."""
    for url, conflict in zip(address.urls(), Conflict.objects.order_by("pk"), strict=True):
        for choice in CHOICES[conflict.kind]:
            whole = {"choice": choice.name, "evidence_hash": conflict.evidence_hash}
            for name in (*OF_QUESTIONS, *(argument.name for argument in choice.arguments)):
                for value in tampering.values():
                    for button in ("preview", "answer"):
                        tampering.send("post", url, {**whole, button: "1", name: value})


@pytest.mark.slow
def test_no_button_and_no_action_answers_500(tampering: Tampering, capsys: pytest.CaptureFixture[str]) -> None:
    press_and_act(tampering, addresses())
    report(tampering, "buttons and actions", capsys)


def test_a_planted_fault_is_found(tampering: Tampering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncjobs.admin.runs._ids", lambda texts: {int(text) for text in texts})
    tampering.thorough = True
    press_and_act(tampering, [each for each in addresses() if each.name.endswith("_ticks")])
    assert tampering.faults
    assert all("ticks" in fault and "Error" in fault for fault in tampering.faults)
