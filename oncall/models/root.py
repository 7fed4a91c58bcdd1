"""What every aggregate root and every element has."""

from django.db import models


class Root(models.Model):
    """name_key: the name as :func:`oncall.aggregates.fold` gives it. origin_label: the source it comes from, empty for
    a row made here. version: raised by every change to the row or its elements. merged_into: what replaced it."""

    name = models.CharField(max_length=255)
    name_key = models.CharField(max_length=600, db_index=True, editable=False)
    active = models.BooleanField(default=True)
    origin_label = models.CharField(max_length=255, blank=True, default="", db_index=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Element(models.Model):
    """source_key: the key under which one link owns this element; null when it was made here."""

    source_key = models.CharField(max_length=600, null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["source_key"], name="oncall_%(class)s_source_key")]


def key_column(*, indexed: bool = True) -> "models.CharField[str, str]":
    """Opaque text that names another row: ``<connection>:<external id>`` or ``local:<pk>``; empty for none."""
    return models.CharField(max_length=600, blank=True, default="", db_index=indexed)


class Span(Element):
    """An element that holds during ``[starts_at, ends_at)``."""

    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta(Element.Meta):
        abstract = True
        constraints = [
            *Element.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="oncall_%(class)s_ends_after_start"
            ),
        ]
