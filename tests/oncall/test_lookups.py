"""A list of integers that contains one that no column can contain selects the other rows, on every database."""

import pytest
from django.apps import apps
from django.db import models

from oncall.models import User

OUT_OF_RANGE = [2**63, -(2**63) - 1, 10**30]


def columns() -> list[tuple[type[models.Model], str]]:
    """Every column of an integer or a foreign key to one, of every model."""
    return [
        (model, column.name)
        for model in apps.get_models()
        for column in model._meta.local_concrete_fields
        if isinstance(getattr(column, "target_field", column), models.IntegerField)
    ]


@pytest.mark.django_db
def test_no_integer_is_too_large_for_a_list() -> None:
    assert len(columns()) > 100
    for model, name in columns():
        assert not model._default_manager.filter(**{f"{name}__in": OUT_OF_RANGE}).exists(), f"{model}.{name}"


@pytest.mark.django_db
def test_the_other_values_of_the_list_are_looked_up(django_user_model: type[User]) -> None:
    ana = django_user_model.objects.create_user("ana@example.com")
    assert User.objects.filter(pk__in=[*OUT_OF_RANGE, ana.pk, str(ana.pk)]).get() == ana
    assert not User.objects.exclude(pk__in=[*OUT_OF_RANGE, ana.pk]).exists()
    assert not User.objects.filter(leads__in=OUT_OF_RANGE).exists()
    assert User.objects.filter(pk__in=User.objects.values("pk")).get() == ana
