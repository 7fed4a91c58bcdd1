"""The sidebars of the two sites: their entries, and who sees each."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse_lazy


def account_menu(site: str) -> list[dict[str, Any]]:
    """Returns the entries of the menu of the account in a site."""
    return [
        {"title": "My page", "link": reverse_lazy("everybody:index")},
        {"title": "Change password", "link": reverse_lazy(f"{site}:password_change")},
        {"title": "Where I am logged in", "link": reverse_lazy("account_logins")},
    ]


def _list(title: str, icon: str, app: str, model: str, site: str = "admin") -> dict[str, Any]:
    """Returns the entry of a list. Only users whom its admin lets view the list see it. icon: a Material symbol."""

    def allowed(request: HttpRequest) -> bool:
        return admin.site.get_model_admin(apps.get_model(app, model)).has_view_permission(request)

    link = reverse_lazy(f"{site}:{app}_{model}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": allowed}


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "On-call",
        "separator": True,
        "items": [
            _list("Responders", "person", "oncall", "responder"),
            _list("User groups", "group", "oncall", "usergroup"),
            _list("Schedules", "calendar_month", "oncall", "schedule"),
            _list("Escalation policies", "stairs", "oncall", "escalationpolicy"),
            _list("Services", "dns", "oncall", "service"),
        ],
    },
    {
        "title": "Sync",
        "separator": True,
        "items": [
            _list("Connections", "cable", "connectors", "connection"),
            _list("Runs", "sync", "syncjobs", "syncrun"),
            _list("Conflicts", "rule", "syncjobs", "conflict"),
            _list("Rules", "bookmark_check", "syncjobs", "rule"),
            _list("Invitations", "mail", "syncjobs", "invitation"),
        ],
    },
    {
        "title": "Settings",
        "separator": True,
        "items": [
            _list("Accounts", "manage_accounts", "oncall", "user"),
            _list("Automatic syncs", "schedule", "syncjobs", "syncprofile"),
            _list("Change records", "history", "oncall", "changerecord"),
        ],
    },
]

EVERYBODY: list[dict[str, Any]] = [
    {
        "items": [
            {"title": "My page", "icon": "account_circle", "link": reverse_lazy("everybody:index")},
            _list("Conflicts", "rule", "syncjobs", "conflict", site="everybody"),
            {
                "title": "Administration",
                "icon": "settings",
                "link": reverse_lazy("admin:index"),
                "permission": lambda request: request.user.is_staff,
            },
        ],
    },
]
