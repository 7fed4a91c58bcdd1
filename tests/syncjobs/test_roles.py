"""The roles: which permissions they have, and that every migrate command sets them anew."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from oncall.models import Role

pytestmark = pytest.mark.django_db


def permissions(role: str) -> set[str]:
    rows = Permission.objects.filter(group__name=role).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def test_the_roles_exist_after_a_migration() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values)


def test_a_role_has_no_more_than_its_purpose() -> None:
    administrator, operator, lead, viewer = map(permissions, Role.values)
    assert lead == {"oncall.act_as_lead"}
    assert {name.partition(".")[2].partition("_")[0] for name in viewer} == {"view"}
    assert operator - viewer == {"syncjobs.start_syncrun"}
    assert viewer < operator < administrator
    keys_and_accounts = {"connectors.change_connection", "connectors.add_connection", "oncall.view_user"}
    assert keys_and_accounts < administrator
    assert operator.isdisjoint(keys_and_accounts)
    assert {"oncall.change_user", "oncall.add_user", "oncall.delete_user"} < administrator
    assert not {name for name in administrator if name.startswith(("auth.", "admin.", "sessions."))}


def test_a_permission_that_is_new_belongs_to_its_roles_after_the_next_migration() -> None:
    later = Permission.objects.get(codename="view_schedule")
    Group.objects.get(name=Role.VIEWER).permissions.remove(later)
    Group.objects.get(name=Role.TEAM_LEAD).permissions.add(later)
    Group.objects.get(name=Role.OPERATOR).delete()
    other = Group.objects.create(name="Night shift")
    other.permissions.add(later)
    call_command("migrate", verbosity=0)
    assert "oncall.view_schedule" in permissions(Role.VIEWER) & permissions(Role.OPERATOR)
    assert permissions(Role.TEAM_LEAD) == {"oncall.act_as_lead"}
    assert permissions("Night shift") == {"oncall.view_schedule"}
