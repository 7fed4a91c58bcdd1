"""The form of an object that has a page of its own leads to it."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from oncall.aggregates import Draft
from oncall.operations import Actor, write
from oncall.tables.kinds import ROOTS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ROOTS)
def test_the_form_leads_to_the_page(admin_client: Client, kind: str) -> None:
    model = ROOTS[kind].rows.model  # type: ignore[index]
    (row,) = write(
        kind,
        [Draft({"name": "Night", **({"time_zone": "Etc/UTC"} if kind == "schedule" else {})})],
        by=Actor(None, "test"),
    )  # type: ignore[arg-type]
    name = f"{admin.site.name}:oncall_{model._meta.model_name}"
    try:
        page = reverse(f"{name}_page", args=[row.id])
    except NoReverseMatch:
        assert kind in ("responder", "user_group", "service")  # these have a form only
        return
    assert f'href="{page}"' in admin_client.get(reverse(f"{name}_change", args=[row.id])).content.decode()
