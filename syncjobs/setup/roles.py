"""The four roles, as permission groups with fixed names and permissions. Every migrate command sets them anew."""

from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from oncall.models import Role

_PRODUCT: Final = Q(content_type__app_label__in=("oncall", "connectors", "syncjobs"))
_ACCOUNTS: Final = Q(content_type__app_label="oncall", content_type__model__in=("user", "grouplead"))
_VIEWER: Final = _PRODUCT & Q(codename__startswith="view_") & ~_ACCOUNTS
_START: Final = Q(content_type__app_label="syncjobs", codename="start_syncrun")
_ACT_AS_LEAD: Final = Q(content_type__app_label="oncall", codename="act_as_lead")
#: The condition that the permissions of a role satisfy. A new permission belongs to a role as soon as it satisfies it.
PERMISSIONS: Final[dict[Role, Q]] = {
    Role.ADMINISTRATOR: _PRODUCT,
    Role.OPERATOR: _VIEWER | _START,
    Role.TEAM_LEAD: _ACT_AS_LEAD,
    Role.VIEWER: _VIEWER,
}


def refresh_roles(using: str = "default", **signal: Any) -> None:
    """Create the roles that are missing, and give each exactly its permissions.

    It is called after every migration, and not by a migration: permissions are created only after all migrations.
    """
    for role, condition in PERMISSIONS.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.set(Permission.objects.using(using).filter(condition))
