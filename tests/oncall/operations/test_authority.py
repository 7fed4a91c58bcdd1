"""Who may change which account: each operation on accounts, for actors that lack a right of the account."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from oncall.errors import NotAllowed, StaleRows
from oncall.models import ChangeRecord, GroupLead, User
from oncall.operations import (
    Actor,
    account,
    create_account,
    delete,
    delete_account,
    grant_lead,
    link_account,
    may_manage,
    merge,
    revoke_lead,
    set_password,
    set_rights,
    update_account,
)
from tests.threads import start_thread, wait_until_blocked

MakeRow = Callable[..., int]
ALL = ("add_user", "change_user", "delete_user", "change_grouplead")


def permissions(*codenames: str) -> list[int]:
    return list(Permission.objects.filter(codename__in=codenames).values_list("pk", flat=True))


def clerk(*codenames: str, name: str = "clerk") -> User:
    """Returns an account that may use the admin and has these permissions."""
    made = create_account(f"{name}@example.com", "long enough password", is_staff=True)
    set_rights(made.pk, [], permissions(*codenames), Actor(None, "test"))
    return User.objects.get(pk=made.pk)


def with_permission(make: MakeRow) -> int:
    return clerk("change_schedule", name="scheduler").pk


def with_group(make: MakeRow) -> int:
    made = clerk(name="member")
    group = Group.objects.create(name="Operators")
    group.permissions.set(permissions("change_schedule"))
    set_rights(made.pk, [group.pk], [], Actor(None, "test"))
    return made.pk


def superuser(make: MakeRow) -> int:
    return create_account("root@example.com", is_superuser=True).pk


def inactive_superuser(make: MakeRow) -> int:
    return create_account("root@example.com", is_superuser=True, is_active=False).pk


def plain(make: MakeRow) -> int:
    return create_account("plain@example.com").pk


def lead(make: MakeRow) -> int:
    pk = plain(make)
    grant_lead(pk, make("user_group", name="Led"), Actor(None, "test"))
    return pk


#: Each way to change an account: (account, actor, make) -> whether it did.
WAYS: dict[str, Callable[[int, Actor, MakeRow], Any]] = {
    "password": lambda pk, by, make: set_password(pk, "another password", by),
    "name": lambda pk, by, make: update_account(pk, {"name": "Zed"}, by),
    "address": lambda pk, by, make: update_account(pk, {"email": "thief@example.com"}, by),
    "state": lambda pk, by, make: update_account(pk, {"is_active": not User.objects.get(pk=pk).is_active}, by),
    "rights": lambda pk, by, make: set_rights(pk, [], permissions("change_user"), by),
    "grant lead": lambda pk, by, make: grant_lead(pk, make("user_group"), by),
    "link": lambda pk, by, make: link_account(make("responder"), pk, by),
    "delete": lambda pk, by, make: delete_account(pk, by),
}
HOLDERS = (with_permission, with_group, superuser, inactive_superuser)


def stored(pk: int) -> object:
    row = User.objects.filter(pk=pk).values().first()
    assert row is not None
    account_row = User.objects.get(pk=pk)
    return (
        row,
        set(account_row.groups.all()),
        set(account_row.user_permissions.all()),
        set(account_row.leads.values_list("group", flat=True)),
        getattr(account_row, "responder", None),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_nobody_changes_an_account_that_holds_rights_which_the_actor_lacks(
    way: str, holder: Callable[[MakeRow], int], make: MakeRow
) -> None:
    pk, actor = holder(make), clerk(*ALL)
    before = stored(pk)
    assert not may_manage(actor, User.objects.get(pk=pk))
    with pytest.raises(NotAllowed):
        WAYS[way](pk, account(actor.pk), make)
    assert stored(pk) == before
    assert not ChangeRecord.objects.filter(model="account", actor=actor).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", [plain, lead])
def test_an_actor_with_all_rights_of_the_account_changes_it(
    way: str, holder: Callable[[MakeRow], int], make: MakeRow
) -> None:
    pk, actor = holder(make), clerk(*ALL)
    before = stored(pk)
    assert may_manage(actor, User.objects.get(pk=pk))
    WAYS[way](pk, account(actor.pk), make)
    assert not User.objects.filter(pk=pk).exists() or stored(pk) != before


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_a_lead_is_changed_by_nobody_who_may_not_grant_leads(way: str, make: MakeRow) -> None:
    pk, actor = lead(make), clerk("change_user", "delete_user")
    with pytest.raises(NotAllowed):
        WAYS[way](pk, account(actor.pk), make)
    with pytest.raises(NotAllowed):
        revoke_lead(pk, GroupLead.objects.get().group_id, account(actor.pk))
    assert GroupLead.objects.get().account_id == pk


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_each_change_needs_a_permission_of_an_active_actor(way: str, make: MakeRow) -> None:
    pk, nobody, former = plain(make), clerk(), clerk(*ALL, name="former")
    User.objects.filter(pk=former.pk).update(is_active=False)
    before = stored(pk)
    for actor in (nobody, former):
        with pytest.raises(NotAllowed):
            WAYS[way](pk, account(actor.pk), make)
    assert stored(pk) == before


@pytest.mark.django_db
def test_nobody_gives_a_right_that_the_actor_lacks_not_even_to_the_own_account(make: MakeRow) -> None:
    actor, other = clerk(*ALL), plain(make)
    by, group = account(actor.pk), Group.objects.create(name="Operators")
    group.permissions.set(permissions("change_schedule"))
    for pk in (actor.pk, other):
        before = stored(pk)
        for change in (
            {"fields": {"is_superuser": True}},
            {"fields": {}, "rights": ([group.pk], permissions(*ALL))},
            {"fields": {}, "rights": ([], permissions(*ALL, "change_schedule"))},
        ):
            with pytest.raises(NotAllowed):
                update_account(pk, by=by, **change)  # type: ignore[arg-type]
        assert stored(pk) == before
    with pytest.raises(NotAllowed):
        create_account("new@example.com", is_superuser=True, by=by)
    assert not User.objects.filter(email="new@example.com").exists()
    set_rights(other, [], permissions("change_user"), by)
    assert User.objects.get(pk=other).has_perm("oncall.change_user")


@pytest.mark.django_db
def test_everybody_sets_the_own_password_and_nothing_else_of_the_own_account(make: MakeRow) -> None:
    pk = plain(make)
    set_password(pk, "the new password", account(pk))
    assert User.objects.get(pk=pk).check_password("the new password")
    with pytest.raises(NotAllowed):
        update_account(pk, {"name": "Me"}, account(pk), password="another password")
    assert User.objects.get(pk=pk).check_password("the new password")


@pytest.mark.django_db
def test_the_last_active_superuser_stays_one(make: MakeRow, tester: Actor) -> None:
    only = create_account("root@example.com", is_staff=True, is_superuser=True).pk
    create_account("former@example.com", is_staff=True, is_superuser=True, is_active=False)
    ways: list[Callable[[Actor], object]] = [
        lambda by, field=field: update_account(only, {field: False}, by)  # type: ignore[misc]
        for field in ("is_active", "is_superuser", "is_staff")
    ]
    for by in (tester, account(only)):
        for way in (*ways, lambda by: delete_account(only, by)):
            with pytest.raises(NotAllowed, match=r"last active account|your own account"):
                way(by)
    assert User.objects.get(pk=only).is_active
    second = create_account("second@example.com", is_staff=True, is_superuser=True)
    update_account(only, {"is_superuser": False, "name": "Former root"}, account(only))
    assert not User.objects.get(pk=only).is_superuser
    delete_account(only, account(second.pk))


@pytest.mark.django_db
def test_nobody_deletes_the_own_account(make: MakeRow) -> None:
    actor = clerk(*ALL)
    with pytest.raises(NotAllowed, match="You cannot delete your own account"):
        delete_account(actor.pk, account(actor.pk))
    assert User.objects.filter(pk=actor.pk).exists()


@pytest.mark.django_db
def test_an_account_has_a_version_and_one_record_for_each_change(make: MakeRow, tester: Actor) -> None:
    pk = plain(make)
    ChangeRecord.objects.all().delete()
    update_account(
        pk, {"name": "Ana"}, tester, version=1, password="long enough", rights=([], permissions("view_user"))
    )
    update_account(pk, {"name": "Ana"}, tester, version=2)
    assert User.objects.get(pk=pk).version == 2
    assert sorted(ChangeRecord.objects.get().changes) == ["name", "password", "user_permissions"]
    with pytest.raises(StaleRows):
        update_account(pk, {"name": "Ben"}, tester, version=1)
    delete_account(pk, tester)
    with pytest.raises(StaleRows):
        set_password(pk, "long enough", tester)


@pytest.mark.django_db
def test_the_leads_of_a_deleted_account_are_recorded_for_each_group(make: MakeRow, tester: Actor) -> None:
    pk, groups = plain(make), [make("user_group", name=name) for name in ("Payments", "Search")]
    for group in groups:
        grant_lead(pk, group, tester)
    delete_account(pk, tester)
    for group in groups:
        record = ChangeRecord.objects.filter(model="user_group", object_id=group).latest("pk")
        assert record.changes == {"leads.plain@example.com": [True, None]}


@pytest.mark.django_db
def test_the_record_of_a_deleted_group_names_its_leads(make: MakeRow, tester: Actor) -> None:
    pk, group = plain(make), make("user_group")
    grant_lead(pk, group, tester)
    delete("user_group", [group], tester)
    record = ChangeRecord.objects.get(model="user_group", object_id=group, action="delete")
    assert record.changes["leads.plain@example.com"] == [True, None]
    assert not GroupLead.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole database")
def test_two_administrators_who_remove_each_other_at_once_leave_one() -> None:
    first, second = (
        create_account(f"{name}@example.com", is_staff=True, is_superuser=True).pk for name in ("first", "second")
    )

    def remove_first() -> None:
        with pytest.raises(NotAllowed, match=r"not active"):
            update_account(first, {"is_active": False}, account(second))

    with transaction.atomic():
        update_account(second, {"is_active": False}, account(first))
        end = start_thread(remove_first)
        wait_until_blocked()
    end()
    assert list(User.objects.filter(is_active=True).values_list("pk", flat=True)) == [first]


# --- merges -----------------------------------------------------------------------------------------------------------


def _linked(make: MakeRow, pk: int) -> tuple[int, int]:
    loser, into = make("responder", name="Ana"), make("responder", name="Ana K.")
    link_account(loser, pk, Actor(None, "test"))
    return loser, into


def _led(make: MakeRow, pk: int) -> tuple[int, int]:
    loser, into = make("user_group", name="Payments"), make("user_group", name="Cards")
    grant_lead(pk, loser, Actor(None, "test"))
    return loser, into


#: What a merge moves of an account: the column of it -> (kind, the two rows, the permission, the words).
MOVED: dict[str, tuple[Any, Callable[[MakeRow, int], tuple[int, int]], str, str]] = {
    "Responder.account": ("responder", _linked, "change_user", "move the account of plain@example.com"),
    "GroupLead.account": ("user_group", _led, "change_grouplead", "move the right to lead of plain@example.com"),
}
#: Columns with an account that a merge leaves alone: who did something, and what the account may do.
NOT_MOVED = {"GroupLead.granted_by", "ChangeRecord.actor", "User_groups.user", "User_user_permissions.user"}


def _of_account(pk: int) -> object:
    row = User.objects.get(pk=pk)
    return getattr(row, "responder", None), set(row.leads.values_list("group", flat=True))


def test_each_column_with_an_account_is_classed_as_moved_by_a_merge_or_not() -> None:
    columns = {
        f"{field.model.__name__}.{field.name}"
        for field in User._meta._relation_tree  # type: ignore[attr-defined]
        if field.model._meta.app_label == "oncall"
    }
    assert columns == {*MOVED, *NOT_MOVED}


@pytest.mark.django_db
@pytest.mark.parametrize("column", MOVED)
def test_a_merge_that_moves_an_account_or_its_leads_needs_the_right_for_it(column: str, make: MakeRow) -> None:
    kind, two_rows, permission, words = MOVED[column]
    pk = plain(make)
    loser, into = two_rows(make, pk)
    before = _of_account(pk)
    others = set(ALL) - {permission}
    with pytest.raises(NotAllowed, match=f"The merge would {words}.*Nothing was changed"):
        merge(kind, loser, into, account(clerk(*others, "change_responder", "change_usergroup").pk))
    assert _of_account(pk) == before
    assert not ChangeRecord.objects.filter(changes__has_key="merged_into").exists()
    allowed = clerk(permission, name="allowed")
    if column == "Responder.account":
        set_rights(pk, [], permissions("change_schedule"), Actor(None, "test"))
        with pytest.raises(NotAllowed, match=r"oncall\.change_schedule"):
            merge(kind, loser, into, account(allowed.pk))
        set_rights(pk, [], [], Actor(None, "test"))
    merge(kind, loser, into, account(allowed.pk))
    assert _of_account(pk) != before


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["responder", "user_group"])
def test_a_merge_that_moves_no_account_needs_no_right_on_accounts(kind: Any, make: MakeRow) -> None:
    loser, into = make(kind, name="Ana"), make(kind, name="Ana K.")
    assert merge(kind, loser, into, account(clerk().pk))[1].id == into
