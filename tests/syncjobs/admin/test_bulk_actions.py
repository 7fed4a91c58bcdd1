"""An action of a list does what it can, and names each row that stands in the way. Nothing is half done."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client, RequestFactory
from django.urls import reverse

from oncall.admin.base.aggregate import OperationsAdmin
from oncall.aggregates import Draft
from oncall.errors import NotAllowed
from oncall.models import ChangeRecord, EscalationPolicy, Responder, Schedule, Service, User
from oncall.operations import create_account, deactivate, write
from tests.syncjobs.conftest import BY

MakeRow = Callable[..., int]
#: The operation behind each action of the pages that save through the operations, and the number of records of a row.
OPERATIONS: Final = {
    "delete_selected": "oncall.admin.base.aggregate.delete",
    "deactivate_selected": "oncall.admin.base.aggregate.deactivate",
    "reactivate_selected": "oncall.admin.base.aggregate.reactivate",
    "erase_selected": "oncall.admin.people.erase_responder",
}
#: The other actions: those of questions, rules and invitations, and those that start a sync, have tests of their own.
#: Django deletes what nothing protects.
OTHERS: Final = {
    "auth.Group delete_selected",
    "syncjobs.Conflict answer_together",
    *(f"syncjobs.Rule {name}" for name in ("switch_off", "switch_on")),
    *(f"syncjobs.Invitation {name}_selected" for name in ("approve", "revoke", "resend")),
    *(f"oncall.{name} sync_selected" for name in ("EscalationPolicy", "Schedule", "Service", "UserGroup")),
}  # fmt: skip


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.com", "a long password")


@pytest.fixture
def browser(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def make(db: None) -> MakeRow:
    def make_row(kind: Any, **fields: Any) -> int:
        zone = {"time_zone": "Europe/Berlin"} if kind == "schedule" else {}
        return write(kind, [Draft({"name": "Ana", **zone, **fields})], by=BY)[0].id

    return make_row


def actions(root: User) -> Iterator[tuple[Any, str]]:
    """Yields every action that a superuser sees, with its admin."""
    for model_admin in admin.site._registry.values():
        request = RequestFactory().get("/")
        request.user = root
        yield from ((model_admin, name) for name in model_admin.get_actions(request))


def names() -> list[str]:
    return [
        f"{each.model._meta.label} {name}"
        for each in admin.site._registry.values()
        if isinstance(each, OperationsAdmin)
        for name in each.actions or ()
        if f"{each.model._meta.label} {name}" not in OTHERS
    ]


def test_every_action_of_the_registry_is_tested(root: User) -> None:
    found = {f"{model_admin.model._meta.label} {name}" for model_admin, name in actions(root)}
    assert found == {*names(), *OTHERS}
    assert {name.split()[1] for name in names()} == OPERATIONS.keys()


def act(browser: Client, model: Any, action: str, rows: list[Any]) -> str:
    """Runs an action, confirmed, and returns the messages."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    confirmed = {"post": "yes", "confirmed": "yes", "version": [f"{r.pk}:{getattr(r, 'version', '')}" for r in rows]}
    answer = browser.post(url, {"action": action, "_selected_action": [row.pk for row in rows], **confirmed})
    assert answer.status_code == 302
    return "\n".join(map(str, get_messages(answer.wsgi_request)))


@pytest.mark.parametrize("name", names())
def test_the_refused_row_is_named_and_the_others_are_done(
    name: str, browser: Client, make: MakeRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, action = name.split()
    model_admin = next(each for each in admin.site._registry.values() if each.model._meta.label == label)
    kind = model_admin.record_model
    if kind == "account":
        pks = [create_account(f"person{n}@example.com", by=BY).pk for n in range(3)]
    else:
        pks = [make(kind, name=f"Row {n}") for n in range(3)]
        if action == "reactivate_selected":
            deactivate(kind, pks, BY)
    target = "oncall.admin.accounts.delete_account" if kind == "account" else OPERATIONS[action]
    module, _, function = target.rpartition(".")
    operation = getattr(__import__(module, fromlist=[function]), function)

    def refuse(*given: Any, **options: Any) -> Any:
        ids = next(each for each in given if not isinstance(each, str))
        if pks[1] in ([ids] if isinstance(ids, int) else ids):
            operation(*given, **options)  # what it has written is undone
            raise NotAllowed("It is needed.")
        return operation(*given, **options)

    monkeypatch.setattr(target, refuse)
    rows = list(model_admin.model._default_manager.filter(pk__in=pks).order_by("pk"))
    before = ChangeRecord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    text = act(browser, model_admin.model, action, rows)
    assert "2 " in text.splitlines()[0], text
    assert f"1 stays as it is. {rows[1]}: It is needed." in text
    records = ChangeRecord.objects.filter(pk__gt=before, model=kind).values_list("object_id", flat=True)
    assert sorted(records) == [pks[0], pks[2]]
    left = model_admin.model._default_manager.filter(pk__in=pks)
    assert (
        left.get(pk=pks[1]).__dict__.items()
        >= {key: value for key, value in rows[1].__dict__.items() if key != "_state"}.items()
    )
    if action == "delete_selected":
        assert list(left.values_list("pk", flat=True)) == [pks[1]]


def test_a_row_in_use_stays_and_the_others_are_deleted(browser: Client, make: MakeRow) -> None:
    used, free = make("escalation_policy", name="Used"), make("escalation_policy", name="Free")
    make("service", name="Shop", policy_key=f"local:{used}")
    url = reverse("admin:oncall_escalationpolicy_changelist")
    asked = browser.post(url, {"action": "delete_selected", "_selected_action": [used, free]}).content.decode()
    assert "Some of these are in use and will stay." in asked
    assert 'name="post" value="yes"' in asked
    text = act(browser, EscalationPolicy, "delete_selected", list(EscalationPolicy.objects.all()))
    assert text == "1 deleted.\n1 stays as it is. Used is in use by service Shop. Deactivate instead of deleting."
    assert list(EscalationPolicy.objects.values_list("name", flat=True)) == ["Used"]


def test_a_schedule_without_a_zone_is_named_and_the_others_are_reactivated(browser: Client, make: MakeRow) -> None:
    make("schedule", name="Lost", zone_state="unknown", time_zone="", active=False)
    make("schedule", name="Night", active=False)
    text = act(browser, Schedule, "reactivate_selected", list(Schedule.objects.all()))
    assert text.startswith("1 reactivated.\n1 stays as it is. Lost: ")
    assert "time zone" in text


def test_the_own_account_is_named_and_the_others_are_deleted(browser: Client, root: User) -> None:
    create_account("other@example.com", by=BY)
    text = act(browser, User, "delete_selected", list(User.objects.order_by("pk")))
    assert text.startswith("1 deleted.\n1 stays as it is. root@example.com: You cannot delete your own account.")
    assert User.objects.get() == root


def test_a_person_who_changed_meanwhile_is_not_erased(browser: Client, make: MakeRow) -> None:
    for name in ("Ana", "Ben"):
        make("responder", name=name)
    shown = list(Responder.objects.order_by("pk"))
    write("responder", [Draft({"title": "Boss"}, id=shown[1].pk, version=1)], by=BY)
    text = act(browser, Responder, "erase_selected", shown)
    assert text.splitlines()[1] == "1 stays as it is. Ben has changed meanwhile."
    assert sorted(Responder.objects.values_list("name", flat=True)) == ["Ben", f"Former person {shown[0].pk}"]


def test_many_refused_rows_are_counted(browser: Client, make: MakeRow) -> None:
    policy = make("escalation_policy", name="P")
    for number in range(25):
        make("service", name=f"Service {number}", policy_key=f"local:{policy}")
    others = [make("escalation_policy", name=f"Policy {number}") for number in range(25)]
    for service, other in zip(Service.objects.order_by("pk"), others, strict=True):
        Service.objects.filter(pk=service.pk).update(policy=other)
    text = act(browser, EscalationPolicy, "delete_selected", list(EscalationPolicy.objects.order_by("pk")))
    assert text.startswith("1 deleted.\n25 stay as they are. Policy 0 is in use by service Service 0.")
    assert text.endswith("and 5 more")
