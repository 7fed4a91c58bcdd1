"""The forms save through the operations only, and keep what was typed."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall.aggregates import Draft
from oncall.models import ChangeRecord, Responder, User, UserGroup
from oncall.operations import Actor, create_account, set_rights, write
from oncall.selectors.states import load_states

MakeRow = Callable[..., int]
METHOD = {"channel": "email", "address": "a@example.com", "extension": "", "label": "", "enabled": True}


@pytest.mark.parametrize("model", ["responder", "usergroup", "schedule", "escalationpolicy", "service"])
def test_saving_an_unchanged_form_changes_nothing(
    model: str, form: Any, make: MakeRow, weekly_layers: Callable[..., Any], one_level: Callable[..., Any]
) -> None:
    ana = make("responder", {"contact_methods": {"3:P:M": METHOD}, "notification_rules": {
        "3:P:R": {"urgency": "high", "delay": 5, "method_key": "3:P:M", "windows": ["x"]}}})  # fmt: skip
    group = make("user_group", {"members": {"3:T:P": {"person_key": "3:PGONE", "role": "manager"}}})
    shift = {"starts_at": "2100-03-02T10:00:30Z", "ends_at": "2100-03-02T11:00:00Z", "by_key": "person:3:PGONE"}
    layers = weekly_layers(f"person:local:{ana}", "vacant", "person:3:PGONE", f"group:local:{group}")
    schedule = make("schedule", {"overrides": {"3:S:O": shift}}, layers=layers, group_keys=["3:T", f"local:{group}"])
    levels = one_level(("schedule", f"local:{schedule}"), ("responder", "3:PGONE"))
    policy = make("escalation_policy", levels=levels)
    service = make("service", policy_key=f"local:{policy}")
    rows = {"responder": ana, "usergroup": group, "schedule": schedule, "escalationpolicy": policy, "service": service}
    before = ChangeRecord.objects.count()
    response = form(model, rows[model]).send()
    assert response.status_code == 302
    assert list(ChangeRecord.objects.values_list("changes", flat=True)[before:]) == []


@pytest.mark.parametrize("model", ["responder", "user_group", "schedule", "escalation_policy", "service"])
def test_saving_keeps_the_spaces_that_a_source_has_around_a_text(model: Any, form: Any, make: MakeRow) -> None:
    pk = make(model, name="  Database ", **({} if model == "responder" else {"description": "It stores. "}))
    assert form(model.replace("_", ""), pk).send().status_code == 302
    assert load_states(model, [pk])[pk].version == 1
    assert form(model.replace("_", ""), pk).send(name="Storage").status_code == 302
    assert load_states(model, [pk])[pk].fields["name"] == "Storage"


def test_a_layer_without_a_name_may_keep_none(form: Any, make: MakeRow, weekly_layers: Any, problems: Any) -> None:
    layers = weekly_layers("vacant")
    named = make("schedule", layers=layers)
    layers["layers"][0]["name"] = ""
    unnamed = make("schedule", layers=layers)
    assert form("schedule", unnamed).send().status_code == 302
    assert load_states("schedule", [unnamed])[unnamed].version == 1
    field = next(name for name in form("schedule", named).data if name.endswith("-0-name"))
    assert "name: This field is required." in problems(form("schedule", named).send(**{field: ""}))


def test_a_new_responder_with_contact_methods(form: Any, administrator: User) -> None:
    account = create_account("ana@example.com")
    response = form("responder").send(**{
        "name": "Ana", "email": "ana@example.com", "time_zone": "Europe/Berlin", "account": account.pk,
        "contact_methods-TOTAL_FORMS": 1, "contact_methods-0-channel": "sms",
        "contact_methods-0-address": "+49 30 1", "contact_methods-0-enabled": "on",
    })  # fmt: skip
    assert response.status_code == 302
    ana = Responder.objects.get()
    assert (ana.account_id, ana.contact_methods.get().canonical) == (account.pk, "+49301")
    causes = ChangeRecord.objects.filter(model="responder").values_list("cause", flat=True)
    assert set(causes) == {f"account:{administrator.pk}"}


def test_elements_are_changed_and_removed_with_their_aggregate(form: Any, make: MakeRow) -> None:
    pk = make("responder", {"contact_methods": {"3:P:M1": METHOD, "3:P:M2": {**METHOD, "address": "b@example.com"}}})
    page = form("responder", pk)
    page.send(**{"contact_methods-0-label": "Home", "contact_methods-1-DELETE": "on"})
    state = load_states("responder", [pk])[pk]
    assert (state.version, state.elements["contact_methods"]) == (2, {"3:P:M1": {**METHOD, "label": "Home"}})


def test_a_stale_form_says_what_changed_and_keeps_what_was_typed(form: Any, make: MakeRow, problems: Any) -> None:
    pk = make("service", name="Shop")
    page = form("service", pk)
    write("service", [Draft({"description": "Sells"}, id=pk, version=1)], by=Actor(None, "run:12"))
    response = page.send(name="Webshop")
    assert response.status_code == 200
    (problem,) = problems(response)
    assert "description is now “Sells” (by run:12)" in problem
    assert "Nothing was saved" in problem
    content = response.content.decode()
    assert 'value="Webshop"' in content
    assert 'name="row_version" value="2"' in content
    again = page.send(name="Webshop", row_version="2", description="Sells")
    assert again.status_code == 302
    assert load_states("service", [pk])[pk].fields["name"] == "Webshop"


def test_a_form_without_a_version_is_not_saved(form: Any, make: MakeRow) -> None:
    pk = make("service", name="Shop")
    page = form("service", pk)
    del page.data["row_version"]
    assert page.send(name="Other").status_code == 200
    assert load_states("service", [pk])[pk].fields["name"] == "Shop"


def test_a_row_that_changes_while_the_form_is_saved_is_not_overwritten(
    form: Any, make: MakeRow, monkeypatch: pytest.MonkeyPatch, problems: Any
) -> None:
    from oncall.admin.base import aggregate as operated

    pk = make("service", name="Shop")
    raced: list[Any] = []

    def race(kind: Any, drafts: Any, *, by: Actor) -> Any:
        if not raced:
            raced.append(write("service", [Draft({"description": "New"}, id=pk, version=1)], by=Actor(None, "run:1")))
        return write(kind, drafts, by=by)

    monkeypatch.setattr(operated, "write", race)
    page = form("service", pk)
    response = page.send(name="Other")
    # The race itself is undone with the transaction it ran in, so the second look finds the row where it was.
    assert response.status_code == 200
    assert "rows have changed" in problems(response)[0]
    assert load_states("service", [pk])[pk].fields["name"] == "Shop"


def test_the_reason_of_a_refusal_is_shown_at_the_field(form: Any, problems: Any) -> None:
    response = form("schedule").send(name="Night", time_zone="")
    assert response.status_code == 200
    assert any(problem.startswith("time_zone: ") for problem in problems(response))
    assert 'value="Night"' in response.content.decode()


def test_members_are_found_by_name_and_leads_are_granted(form: Any, make: MakeRow, problems: Any) -> None:
    ana, account = make("responder", name="Ana"), create_account("lead@example.com")
    for name in ("Ben", "Ben"):
        make("responder", name=name)
    page = form("usergroup")
    fields = {"name": "Team", "leads": [account.pk], "members-TOTAL_FORMS": 1}
    unknown = "is not known here"
    for person, complaint in (("Zoe", unknown), (f"Zoe #{ana}", unknown), ("ben", "could be Ben #"), ("", "required")):
        response = page.send(**fields, **{"members-0-person": person, "members-0-imported_role": "x"})
        assert complaint in problems(response)[0]
    assert page.send(**fields, **{"members-0-person": "ana"}).status_code == 302
    group = UserGroup.objects.get()
    assert group.members.get().person_key == f"local:{ana}"
    assert group.leads.get().account_id == account.pk
    page = form("usergroup", group.pk)
    assert page.data["members-0-person"] == f"Ana #{ana}"
    page.data.pop("leads")
    assert page.send().status_code == 302
    assert not group.leads.exists()


@time_machine.travel("2026-03-02T12:00:00Z")
def test_the_times_of_a_substitution_are_in_the_responders_zone(form: Any, make: MakeRow, problems: Any) -> None:
    pk = make("responder", time_zone="Asia/Kathmandu")
    page = form("responder", pk)
    times = {"substitutions-0-starts": "2026-03-03T09:00", "substitutions-0-ends": "2026-03-03T08:00"}
    fields = {"substitutions-TOTAL_FORMS": 1, "substitutions-0-stand_in": "nobody"}
    assert "The end must be after the start." in problems(page.send(**fields, **times))[0]
    page.send(**fields, **{**times, "substitutions-0-ends": "2026-03-03T10:00"})
    (values,) = load_states("responder", [pk])[pk].elements["substitutions"].values()
    assert values == {
        "by_key": "vacant", "scope": None, "starts_at": "2026-03-03T03:15:00Z", "ends_at": "2026-03-03T04:15:00Z",
    }  # fmt: skip


@time_machine.travel("2026-10-20T12:00:00Z")
def test_an_untouched_local_time_that_occurs_twice_keeps_its_instant(form: Any, make: MakeRow) -> None:
    # The clock is put back: 02:30 occurs in CEST, and an hour later in CET.
    second_pass = {"starts_at": "2026-10-25T01:30:00Z", "ends_at": "2026-10-25T09:00:00Z"}
    shift = {**second_pass, "by_key": "vacant", "scope": None}
    pk = make("responder", {"substitutions": {"local:+": shift}}, time_zone="Europe/Berlin")
    page = form("responder", pk)
    assert page.data["substitutions-0-starts"] == "2026-10-25T02:30"
    assert page.send(**{"substitutions-0-ends": "2026-10-25T12:00"}).status_code == 302
    (values,) = load_states("responder", [pk])[pk].elements["substitutions"].values()
    assert (values["starts_at"], values["ends_at"]) == ("2026-10-25T01:30:00Z", "2026-10-25T11:00:00Z")


@time_machine.travel("2026-03-02T12:00:00Z")
def test_a_new_zone_does_not_move_the_times_of_the_form(form: Any, make: MakeRow) -> None:
    shift = {"starts_at": "2026-03-03T03:15:00Z", "ends_at": "2026-03-03T04:15:00Z", "by_key": "vacant", "scope": None}
    pk = make("responder", {"substitutions": {"local:+": shift}}, time_zone="Asia/Kathmandu")
    times = {"substitutions-0-ends": "2026-03-03T11:00"}
    assert form("responder", pk).send(time_zone="Europe/Berlin", **times).status_code == 302
    (values,) = load_states("responder", [pk])[pk].elements["substitutions"].values()
    assert (values["starts_at"], values["ends_at"]) == ("2026-03-03T03:15:00Z", "2026-03-03T05:15:00Z")
    assert Responder.objects.get().time_zone == "Europe/Berlin"


def test_the_form_of_an_imported_row_shows_its_source(browser: Client, db: None) -> None:
    (written,) = write("service", [Draft({"name": "X"}, origin="PagerDuty acme")], by=Actor(None, "run:1"))
    page = browser.get(reverse("admin:oncall_service_change", args=[written.id])).content.decode()
    assert "This is managed at <strong>PagerDuty acme</strong>" in page
    assert page.count("Managed at PagerDuty acme.") == 5


def test_a_group_of_300_members_is_saved(browser: Client, make: MakeRow, form: Any) -> None:
    person = make("responder", name="Ana")
    members = {f"3:T:{n}": {"person_key": f"local:{person}", "role": ""} for n in range(300)}
    page = form("usergroup", make("user_group", {"members": members}, name="All"))
    assert page.send(name="Everybody").status_code == 302
    assert UserGroup.objects.get().name == "Everybody"


def test_a_row_in_use_is_not_deleted(
    browser: Client, make: MakeRow, monkeypatch: pytest.MonkeyPatch, weekly_layers: Callable[..., Any]
) -> None:
    from oncall.admin.people import ResponderAdmin

    pk = make("responder", name="Ana")
    make("schedule", name="Primary", layers=weekly_layers(f"person:local:{pk}"))
    url = reverse("admin:oncall_responder_delete", args=[pk])
    assert "would require deleting" in browser.get(url).content.decode()
    # The page checks first. If it finds nothing, the operation refuses.
    monkeypatch.setattr(ResponderAdmin, "get_deleted_objects", lambda *args: ([], {}, set(), []))
    response = browser.post(url, {"post": "yes"}, follow=True)
    assert "Ana is in use by schedule Primary" in response.content.decode()
    assert Responder.objects.filter(pk=pk).exists()


def test_history_leads_to_the_change_records(browser: Client, make: MakeRow) -> None:
    pk = make("service")
    response = browser.get(reverse("admin:oncall_service_history", args=[pk]), follow=True)
    assert [row.object_id for row in response.context["cl"].result_list] == [pk]


@pytest.mark.parametrize("model", ["responder", "usergroup", "schedule", "escalationpolicy"])
def test_a_form_runs_as_many_queries_for_many_elements_as_for_few(
    model: str, browser: Client, make: MakeRow, weekly_layers: Callable[..., Any], one_level: Callable[..., Any]
) -> None:
    people = [make("responder", name=f"P{n}") for n in range(10)]
    counts = []
    browser.get(reverse(f"admin:oncall_{model}_add"))  # content types are looked up once per process
    for count in (2, 10):
        pk = _with_elements(make, model, people[:count], str(count), weekly_layers, one_level)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(reverse(f"admin:oncall_{model}_change", args=[pk])).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12, counts


def _with_elements(
    make: MakeRow, model: str, people: list[int], source: str, weekly_layers: Any, one_level: Any
) -> int:
    """Creates an aggregate with an element of each kind for each person."""
    shift = {"starts_at": "2100-03-02T10:00:00Z", "ends_at": "2100-03-02T11:00:00Z"}
    instead = {f"{source}:S{n}": {**shift, "by_key": f"person:local:{n}"} for n in people}
    if model == "responder":
        rule = {"urgency": "any", "delay": 0, "windows": []}
        rules = {f"{source}:R{n}": {**rule, "method_key": f"{source}:M{n}"} for n in people}
        methods = {f"{source}:M{n}": METHOD for n in people}
        return make("responder", {"contact_methods": methods, "notification_rules": rules, "substitutions": instead})
    if model == "usergroup":
        return make("user_group", {"members": {f"{source}:{n}": {"person_key": f"local:{n}"} for n in people}})
    if model == "schedule":
        return make("schedule", {"overrides": instead}, layers=weekly_layers(*(f"person:local:{n}" for n in people)))
    return make("escalation_policy", levels=one_level(*(("responder", f"local:{n}") for n in people)))


@pytest.mark.parametrize("model", ["responder", "usergroup", "schedule", "escalationpolicy", "service"])
def test_an_account_that_may_only_view_sees_the_page_and_changes_nothing(
    model: str, client: Client, make: MakeRow, tester: Actor, weekly_layers: Any, one_level: Any
) -> None:
    clerk = create_account("clerk@example.com", is_staff=True)
    rights = Permission.objects.filter(codename__startswith="view_", content_type__app_label="oncall")
    set_rights(clerk.pk, [], [right.pk for right in rights], tester)
    client.force_login(clerk)
    pk = make("service") if model == "service" else _with_elements(
        make, model, [make("responder")], "3", weekly_layers, one_level)  # fmt: skip
    url = reverse(f"admin:oncall_{model}_change", args=[pk])
    assert client.get(url).status_code == 200
    before = ChangeRecord.objects.count()
    assert client.post(url, {"name": "Mine", "row_version": "1"}).status_code == 403
    assert ChangeRecord.objects.count() == before
