"""Walks all admins of all sites with look-ups that they do not declare, and with values that no database takes."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, path, resolve, reverse

from oncall.admin.base.lookups import DeclaredLookups
from oncall.models import User
from oncall.operations import create_account

pytestmark = pytest.mark.django_db

#: A value of each look-up contains this text, so that a statement that contains it was made from the address.
MARK = "zq7"
LOOKUPS = {
    "regex": f"({MARK}|a)*$",
    "iregex": f"[{MARK}",
    "startswith": MARK,
    "gt": MARK,
    "in": f"{MARK},1",
}
VALUES = dict.fromkeys(("gte", "lt"), "2026-03-02 00:00:00+00:00") | {"isnull": "True"}
SECRETS = {"password", "credentials"}
#: Pages of their own in the place of a list. They read no parameter.
NO_LISTS = {"syncjobs.SyncProfile"}
ODD_TEXTS = ("\0", MARK * 2_000, "9" * 5_000, "9" * 19, "٣")
ODD_PARAMETERS = ("o", "p", "q", "e", "all", "_facets", "_popup", "_to_field")


def undeclared(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    """Yields look-ups on the columns of a model, and on those of each model that it refers to or is referred by."""
    for field in model._meta.get_fields():
        if not field.is_relation:
            yield from ((f"{field.name}__{lookup}", value) for lookup, value in LOOKUPS.items())
            continue
        other = field.related_model
        if not isinstance(other, type) or not issubclass(other, models.Model):
            continue
        columns = [column.name for column in other._meta.get_fields() if not column.is_relation]
        for column in sorted(SECRETS & set(columns)) or columns[:2]:
            yield from ((f"{field.name}__{column}__{lookup}", LOOKUPS[lookup]) for lookup in ("regex", "startswith"))
        for further in other._meta.get_fields():
            if further.is_relation and further.related_model is User:
                yield f"{field.name}__{further.name}__password__regex", LOOKUPS["regex"]


def odd_values(pages: "admin.ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
    declared = {name for name in _declared(pages) if not name.endswith("__isnull")}
    for name in (*ODD_PARAMETERS, *sorted(declared)):
        yield from ((name, value) for value in ODD_TEXTS)
    yield "o", "1." * 1_500 + "1"
    yield "_to_field", "password"


def _declared(pages: "admin.ModelAdmin[Any]") -> Iterator[str]:
    return pages._parameters(pages.list_filter) if isinstance(pages, DeclaredLookups) else iter(())


def walk(site: admin.AdminSite, client: Client) -> tuple[Counter[str], list[str]]:
    """Requests the list of each admin of the site; returns the number of requests by outcome, and the violations."""
    counts: Counter[str] = Counter()
    violations = []
    for model, pages in site._registry.items():
        url = reverse(f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if not isinstance(pages, DeclaredLookups):
            violations.append(f"{model._meta.label}: the admin does not derive from DeclaredLookups")
        for lookup, value in undeclared(model):
            with CaptureQueriesContext(connection) as queries:
                status = client.get(url, {lookup: value}).status_code
            counts[f"look-ups: {status}"] += 1
            evaluated = [query["sql"] for query in queries if MARK in query["sql"] or "REGEXP" in query["sql"]]
            if (status not in (400, 403) and model._meta.label not in NO_LISTS) or evaluated:
                violations.append(f"{url}?{lookup}={value[:20]}: {status}, {evaluated[:1]}")
        for name, value in odd_values(pages):
            status = client.get(url, {name: value}).status_code
            counts[f"odd values: {status}"] += 1
            if status >= 500:
                violations.append(f"{url}?{name}={value[:20]!r}: {status}")
    return counts, violations


def is_served(site: admin.AdminSite) -> bool:
    """Returns whether the addresses of the site with this name lead to this site, and it has lists."""
    try:
        view: Any = resolve(reverse(f"{site.name}:index")).func
    except NoReverseMatch:
        return False
    return view.admin_site is site and bool(site._registry)


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(create_account("root@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.mark.slow
def test_no_admin_answers_a_lookup_that_it_does_not_declare(root: Client, capsys: pytest.CaptureFixture[str]) -> None:
    reached = 0
    for site in filter(is_served, all_sites):
        counts, violations = walk(site, root)
        with capsys.disabled():
            sys.stdout.write(f"\n{site.name}: {len(site._registry)} admins, {dict(sorted(counts.items()))}\n")
        assert violations == []
        assert counts["look-ups: 400"] > 10 * len(site._registry)
        reached += len(site._registry)
    assert reached >= len(admin.site._registry)


def test_declared_filters_answer(root: Client) -> None:
    number = 0
    for model, pages in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for lookup in _declared(pages):
            value = (
                "True"
                if lookup.endswith("__isnull")
                else "2026-03-02 00:00:00+00:00"
                if lookup.endswith(("gte", "lt"))
                else "1"
            )
            response = root.get(url, {lookup: value})
            assert response.status_code in (200, 302), (url, lookup)
            number += 1
    assert number > len(admin.site._registry)


def test_the_walk_finds_an_unprotected_admin(root: Client, settings: Any) -> None:
    planted = admin.AdminSite(name="admin")
    planted.register(User)  # with Django's own admin
    settings.ROOT_URLCONF = (path("admin/", planted.urls),)
    _, violations = walk(planted, root)
    assert any("does not derive" in each for each in violations)
    assert any("password__regex" in each for each in violations)
    assert any("password__startswith" in each for each in violations)


@pytest.mark.parametrize("term", ["x" * 600, "a " * 40])
def test_a_search_that_no_database_takes_finds_nothing_and_says_so(term: str, root: Client) -> None:
    url = reverse("admin:oncall_user_changelist")
    response = root.get(url, {"q": term}, follow=True)
    assert response.status_code == 200
    assert [str(message) for message in response.context["messages"]]
    asked = {"app_label": "oncall", "model_name": "responder", "field_name": "account", "term": term}
    found = root.get(reverse("admin:autocomplete"), asked)
    assert (found.status_code, found.json()["results"]) == (200, [])


def test_a_page_that_does_not_exist_shows_the_list_and_says_so(root: Client) -> None:
    url = reverse("admin:oncall_user_changelist")
    response = root.get(url, {"is_active__exact": "perhaps"}, follow=True)
    assert "no such page or filter value" in response.content.decode()
    assert root.get(url, {"is_active__exact": "perhaps", "e": "1"}).status_code == 400


@pytest.mark.parametrize("page", ["x", "0", "2", "-1", "9" * 5_000])
@pytest.mark.parametrize("address", ["/search/", "/admin/search/"])
def test_a_page_that_the_search_does_not_have_does_not_exist(admin_client: Client, address: str, page: str) -> None:
    assert admin_client.get(address, {"s": "a", "page": page}).status_code == 404
