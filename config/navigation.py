"""The sidebars of the two sites: their entries, and who sees each."""

from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.text import format_lazy


def account_menu(site: str) -> list[dict[str, Any]]:
    """Returns the entries of the menu of the account in a site."""
    return [
        {"title": "My page", "link": reverse_lazy("everybody:index")},
        {"title": "Change password", "link": reverse_lazy(f"{site}:password_change")},
        {"title": "Where I am logged in", "link": reverse_lazy("account_logins")},
    ]


def _list(
    title: str, icon: str, app: str, model: str, site: str = "admin", *, query: str = "", badge: str = ""
) -> dict[str, Any]:
    """Returns the entry of a list. Only users whom its admin lets view the list see it.

    icon: a Material symbol. query: of the filters. badge: the name of a number of :mod:`config.frame.badges`.
    """

    def allowed(request: HttpRequest) -> bool:
        return admin.site.get_model_admin(apps.get_model(app, model)).has_view_permission(request)

    def active(request: HttpRequest) -> bool:
        trail = getattr(request, "trail", None)  # of the pages that are below another list than their address
        own = request.path.startswith(str(link)) if trail is None else str(link) in {part["link"] for part in trail}
        return own and (request.GET.urlencode() == query if query else request.GET.urlencode() not in _QUERIES)

    link = reverse_lazy(f"{site}:{app}_{model}_changelist")
    entry = {"title": title, "icon": icon, "link": link, "permission": allowed, "active": active}
    if query:
        entry["link"] = format_lazy("{}?{}", link, query)
    return entry | ({"badge": badge} if badge else {})


_DIFFERENT: Final = "parity=different"
_UNREACHABLE: Final = "active__exact=1&reachable=no"
#: The entries with these queries are active instead of the entry of the whole list.
_QUERIES: Final = (_DIFFERENT, _UNREACHABLE)

NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "On-call",
        "separator": True,
        "items": [
            _list("Schedules", "calendar_month", "oncall", "schedule"),
            _list("Escalation policies", "stairs", "oncall", "escalationpolicy"),
            _list("Services", "dns", "oncall", "service"),
            _list("User groups", "group", "oncall", "usergroup"),
            _list("Responders", "person", "oncall", "responder"),
        ],
    },
    {
        "title": "Import",
        "separator": True,
        "items": [
            _list("Sources", "cable", "connectors", "connection"),
            _list("Questions", "rule", "syncjobs", "conflict", badge="questions"),
            _list("Runs", "sync", "syncjobs", "syncrun", badge="runs"),
        ],
    },
    {
        "title": "Check",
        "separator": True,
        "items": [
            _list("Differs from the source", "difference", "oncall", "schedule", query=_DIFFERENT, badge="different"),
            _list("Cannot be reached", "person_off", "oncall", "responder", query=_UNREACHABLE, badge="unreachable"),
            _list("Change records", "history", "oncall", "changerecord"),
        ],
    },
    {
        "title": "Admin",
        "separator": True,
        "items": [
            _list("Accounts", "manage_accounts", "oncall", "user"),
            _list("Roles", "badge", "auth", "group"),
            _list("Invitations", "mail", "syncjobs", "invitation", badge="invitations"),
            _list("Rules", "bookmark_check", "syncjobs", "rule"),
            _list("Automatic syncs", "schedule", "syncjobs", "syncprofile"),
        ],
    },
]

EVERYBODY: list[dict[str, Any]] = [
    {
        "items": [
            {"title": "My page", "icon": "account_circle", "link": reverse_lazy("everybody:index")},
            _list("Questions", "rule", "syncjobs", "conflict", site="everybody"),
            {
                "title": "Administration",
                "icon": "settings",
                "link": reverse_lazy("admin:index"),
                "permission": lambda request: request.user.is_staff,
            },
        ],
    },
]
