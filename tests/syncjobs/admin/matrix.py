"""The authorisation matrix: every account × every address of both sites × GET and POST, and what must come of it.

The addresses come from the resolver, the models from the registries of the sites. What a cell must be is said here, by
the permissions that a page needs, and not by the code that is tested. An address without an expectation is an error.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from oncall.admin.everybody.site import everybody
from oncall.models import User
from tests.syncjobs.site.undoing import undone

METHODS: Final = ("GET", "POST")
#: The answer is a login page; refused, absent or the index instead of the page; 405; anything else.
LOGIN, CLOSED, BUTTON, OPEN = "login", "closed", "button", "open"
SITES: Final = {"admin/": admin.site, "": everybody}
START: Final = "syncjobs.start_syncrun"
#: Of these models, a lead sees the rows that concern the groups led.
OF_LEADS: Final = ("responder", "usergroup", "schedule", "escalationpolicy", "service", "changerecord", "conflict")
#: Nobody adds, changes or deletes rows of these models on a page.
READ_ONLY: Final = ("changerecord", "conflict", "invitation", "rule", "syncrun")
#: Of these read-only models, rows can be deleted.
DELETABLE: Final = ("rule",)
#: Their histories lead to the change records, which are protected themselves.
AUDITED: Final = ("responder", "usergroup", "schedule", "escalationpolicy", "service", "user")


@dataclass(frozen=True)
class Visitor:
    """An account, or nobody if it is None. own: for a lead, whether it leads the group that all objects concern."""

    name: str
    account: User | None = None
    own: bool = False

    def has(self, *permissions: str) -> bool:
        return self.account is not None and self.account.has_perms(permissions)

    @property
    def lead(self) -> bool:
        return self.has("oncall.act_as_lead")


@dataclass(frozen=True)
class Cell:
    visitor: Visitor
    route: str
    method: str


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every address as the resolver has it, such as ``admin/oncall/schedule/<path:object_id>/change/``."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def split(route: str) -> tuple[str, str, str]:
    """The site (``admin/`` or empty), ``app/model`` or empty, and the rest of an address."""
    site = "admin/" if route.startswith("admin/") else ""
    rest = route.removeprefix(site)
    found = re.match(r"([a-z_]+)/([a-z]+)/", rest)
    if found and any(each._meta.label_lower == f"{found[1]}.{found[2]}" for each in SITES[site]._registry):
        return site, f"{found[1]}/{found[2]}", rest[found.end() :]
    return site, "", rest


Rule = Callable[[Visitor], str]


def _if(allowed: Callable[[Visitor], bool]) -> Rule:
    return lambda visitor: OPEN if allowed(visitor) else CLOSED


def _never(visitor: Visitor) -> str:
    return CLOSED


def _always(visitor: Visitor) -> str:
    return OPEN


def _button(visitor: Visitor) -> str:
    return BUTTON


def _of_model(app: str, model: str) -> Mapping[str, tuple[Rule, Rule]]:
    """The rules of the pages that every model has, for GET and POST."""

    def may(verb: str) -> Callable[[Visitor], bool]:
        if verb != "view" and model in READ_ONLY and not (verb == "delete" and model in DELETABLE):
            return lambda visitor: False
        if verb in ("add", "delete") and model == "syncprofile":  # a connection has exactly one
            return lambda visitor: False
        if verb != "view" and (app, model) == ("auth", "group"):  # a group gives rights to others
            return lambda visitor: visitor.account is not None and visitor.account.is_superuser
        return lambda visitor: visitor.has(f"{app}.{verb}_{model}")

    def views(visitor: Visitor) -> bool:
        return visitor.has(f"{app}.view_{model}") or visitor.has(f"{app}.change_{model}")

    def sees(visitor: Visitor) -> bool:
        return views(visitor) or (visitor.lead and model in OF_LEADS)

    def sees_object(visitor: Visitor) -> bool:
        return views(visitor) or (visitor.lead and visitor.own and model in OF_LEADS)

    def changes_object(visitor: Visitor) -> bool:
        return may("change")(visitor) or (visitor.lead and visitor.own and model == "schedule")

    posted = (
        sees_object if model in ("conflict", "rule", "syncrun") else changes_object
    )  # these pages answer every method alike
    history = _always if model in AUDITED else _if(sees_object)
    return {
        "": (_if(sees), _if(sees)),
        "add/": (_if(may("add")), _if(may("add"))),
        "<path:object_id>/history/": (history, history),
        "<path:object_id>/delete/": (_if(may("delete")), _if(may("delete"))),
        "<path:object_id>/change/": (_if(sees_object), _if(posted)),
        "<path:object_id>/": (_always, _always),  # leads to the page with change/
    }


def _with(*permissions: str) -> Rule:
    return _if(lambda visitor: visitor.has(*permissions))


def _view(app: str, model: str, *more: str) -> Rule:
    verbs = (f"{app}.view_{model}", f"{app}.change_{model}")
    return _if(lambda visitor: any(map(visitor.has, verbs)) and visitor.has(*more))


def _page(app: str, model: str) -> tuple[Rule, Rule]:
    rule = _of_model(app, model)["<path:object_id>/change/"][0]
    return rule, rule


def _sees_names(visitor: Visitor) -> bool:
    models = ("responder", "usergroup", "schedule", "escalationpolicy")
    rights = (f"oncall.{verb}_{model}" for verb in ("view", "change", "delete") for model in models)
    return visitor.lead or any(map(visitor.has, rights))


_CONNECTION: Final = ("connectors", "connection")
_RUN: Final = ("syncjobs", "syncrun")
_PROFILE: Final = ("syncjobs.view_syncprofile", "syncjobs.change_syncprofile")
#: The pages that only some models have, for GET and POST.
OF_MODELS: Final[Mapping[str, tuple[Rule, Rule]]] = {
    "connectors/connection <path:object_id>/delete/": (_never, _never),
    "connectors/connection <int:object_id>/import/": (
        _view(*_CONNECTION, _PROFILE[0]),
        _view(*_CONNECTION, *_PROFILE),
    ),
    "connectors/connection <int:object_id>/rules/": (_view(*_CONNECTION, _PROFILE[0]), _view(*_CONNECTION, *_PROFILE)),
    "connectors/connection <int:object_id>/people/": (
        _view(*_CONNECTION, _PROFILE[0]),
        _view(*_CONNECTION, _PROFILE[0], "syncjobs.answer_conflict"),
    ),
    "connectors/connection <int:object_id>/review/": (
        _view(*_CONNECTION, _PROFILE[0]),
        _view(*_CONNECTION, *_PROFILE, START),
    ),
    "connectors/connection <int:object_id>/pause/": (_button, _view(*_CONNECTION, _PROFILE[1])),
    # The draft of somebody else leads to a new one.
    "connectors/connection connect/<uuid:uid>/": (_with("connectors.add_connection"),) * 2,
    # Without the name of a button, a POST is refused to everybody.
    "connectors/connection <int:object_id>/following/": (_view(*_CONNECTION, _PROFILE[0]), _never),
    "connectors/connection <int:object_id>/key/": (
        _view(*_CONNECTION, "connectors.change_connection"),
        _view(*_CONNECTION, "connectors.change_connection"),
    ),
    "connectors/connection <int:object_id>/disconnect/": (_button, _with(START, "connectors.change_connection")),
    **{
        f"connectors/connection <int:object_id>/{name}/": (_button, _view(*_CONNECTION, START))
        for name in ("test", "plan", "sync", "inventory")
    },
    **{
        f"syncjobs/syncrun <int:run_id>/{name}/": (_button, _view(*_RUN, START))
        for name in ("ticks", "apply", "cancel", "again", "impact")
    },
    "syncjobs/syncprofile <int:object_id>/after/": (_view("syncjobs", "syncprofile"), _button),
    "syncjobs/syncprofile <int:object_id>/people/": (
        _view("syncjobs", "syncprofile", "oncall.view_responder"),
        _button,
    ),
    "syncjobs/syncprofile <int:object_id>/services/": (
        _view("syncjobs", "syncprofile", "oncall.view_service"),
        _view("syncjobs", "syncprofile", "oncall.change_service"),
    ),
    "syncjobs/syncrun <int:run_id>/export/": (_view(*_RUN), _button),
    "syncjobs/syncrun <int:run_id>/undo/": (_view(*_RUN, START), _view(*_RUN, START)),
    "syncjobs/rule <int:object_id>/switch/": (_button, _view("syncjobs", "rule", "syncjobs.change_rule")),
    "syncjobs/syncrun <int:run_id>/progress/": (_view(*_RUN), _view(*_RUN)),
    "syncjobs/syncrun <int:run_id>/items/<int:item_id>/": (_view(*_RUN), _view(*_RUN)),
    "syncjobs/syncrun <int:run_id>/items/<int:item_id>/sync/": (_button, _view(*_RUN, START)),
    "oncall/responder names/": (_if(_sees_names), _button),
    # Without the right to answer it finds nobody.
    "syncjobs/conflict <int:pk>/people/": _page("syncjobs", "conflict"),
    "oncall/schedule <int:pk>/page/": _page("oncall", "schedule"),
    "oncall/escalationpolicy <int:pk>/page/": _page("oncall", "escalationpolicy"),
}


def _of_autocomplete(visitor: Visitor) -> str:
    """The address names the field ``group`` of services."""
    seen = visitor.lead or visitor.has("oncall.view_usergroup") or visitor.has("oncall.change_usergroup")
    return OPEN if seen else CLOSED


def _of_app(site: str) -> Rule:
    """The address names the app ``syncjobs``. Its list is shown to those who see one of its models."""
    models = ("conflict", "invitation", "rule", "syncprofile", "syncrun") if site else ("conflict",)
    names = [f"syncjobs.{verb}_{model}" for model in models for verb in ("view", "change")]
    return _if(lambda visitor: visitor.lead or any(map(visitor.has, names)))


#: The pages of a site, without the lists of apps.
OF_SITE: Final[Mapping[str, tuple[Rule, Rule]]] = {
    "": (_always, _always),
    "search/": (_always, _always),
    "logout/": (_button, _always),
    "password_change/": (_always, _always),
    "password_change/done/": (_always, _always),
    "autocomplete/": (_of_autocomplete, _button),
    "jsi18n/": (_always, _button),
    "r/<path:content_type_id>/<path:object_id>/": (_never, _never),  # no model has a page outside
    "(?P<url>.*)$": (_never, _never),
    "badges/": (_always, _button),
    # The pages about the own logins are the same for both sites.
    "account/logins/": (_always, _always),
    "account/confirm/": (_always, _always),
}
#: The pages that need no login.
PUBLIC: Final = (
    "login/",
    "password_reset/",
    "password_reset/sent/",
    "password_reset/<uidb64>/<token>/",
    "password_reset/done/",
    "invitation/",
    "invitation/<str:token>/",
)
#: Pages that only answer GET.
ONLY_GET: Final = ("password_reset/sent/", "password_reset/done/", "password_change/done/")


def rules(route: str) -> tuple[Rule, Rule]:
    """What GET and POST must give to somebody who may enter the site. Raises KeyError for an unknown address."""
    site, model, rest = split(route)
    if (site, rest) == ("", "autocomplete/"):
        return _never, _button  # this site has no form with an autocomplete
    if model:
        own = OF_MODELS.get(f"{model} {rest}")
        return own if own is not None else _of_model(*model.split("/"))[rest]
    if rest in PUBLIC:
        return _always, _always
    if rest.startswith("^(?P<app_label>"):
        return _of_app(site), _of_app(site)
    return OF_SITE[rest]


def expected(cell: Cell) -> str:
    """What the answer to a cell must be."""
    site, _, rest = split(cell.route)
    inside = _enters(site, cell.visitor.account)
    if cell.method == "POST" and rest in ONLY_GET and (inside or rest in PUBLIC):
        return BUTTON
    if rest.startswith("invitation/"):
        # Without a valid token, the page says that the invitation is not valid. The link of a mail leads to this page.
        return OPEN if "token" in rest and cell.method == "GET" else CLOSED
    if rest in PUBLIC:
        return CLOSED if rest == "login/" and cell.method == "GET" and inside else OPEN
    if not inside:
        return CLOSED if rest == "logout/" else LOGIN  # a logout without a login leads to the index
    return rules(cell.route)[METHODS.index(cell.method)](cell.visitor)


def _enters(site: str, account: User | None) -> bool:
    return account is not None and account.is_active and (account.is_staff or site == "")


class Matrix:
    """Opens cells. Nothing that an answer writes is kept."""

    def __init__(self, ids: Mapping[str, Any]) -> None:
        self._ids = ids
        self._clients: dict[str, Client] = {}

    def url(self, route: str) -> str:
        """An address with the ids of existing rows."""
        _, model, _ = split(route)
        row = apps.get_model(*model.split("/"))._default_manager.order_by("pk").first() if model else None
        values = {"object_id": row and row.pk, "pk": row and row.pk, **self._ids, **self._ids.get(model, {})}
        text = re.sub(r"\^\(\?P<app_label>[^)]*\)/\$", "syncjobs/", route).replace("(?P<url>.*)$", "no/such/page/")
        text = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), text)
        return f"/{text}" + ("?app_label=oncall&model_name=service&field_name=group" if "autocomplete" in text else "")

    def answer(self, cell: Cell) -> str:
        client = self._clients.get(cell.visitor.name)
        if client is None:
            client = self._clients[cell.visitor.name] = Client()
            if cell.visitor.account is not None:
                client.force_login(cell.visitor.account)
        with undone(client):
            answer = client.generic(cell.method, self.url(cell.route), content_type="application/x-www-form-urlencoded")
        return classified(answer)

    def deviations(self, cells: list[Cell]) -> list[str]:
        """The cells whose answer is not what is expected, in words."""
        found = ((cell, expected(cell), self.answer(cell)) for cell in cells)
        return [
            f"{cell.method} {cell.route} by {cell.visitor.name}: {answer}, expected {wanted}"
            for cell, wanted, answer in found
            if answer != wanted
        ]


def classified(answer: Any) -> str:
    location = answer.headers.get("Location", "")
    if location.startswith(("/login/", "/admin/login/")):
        return LOGIN
    if answer.status_code in (403, 404) or location in ("/", "/admin/"):
        return CLOSED
    return BUTTON if answer.status_code == 405 else OPEN
