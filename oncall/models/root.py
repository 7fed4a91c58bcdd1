"""The columns that all aggregates share, and those that all their elements share."""

from django.db import models

from oncall.aggregates import fold

KEY_LENGTH = 600  # characters
NAME_LENGTH = 512  # characters


class Root(models.Model):
    """An aggregate.

    name_key: the folded name. origin_label: the source the row comes from, empty for a row made here. version: every
    change to the row or its elements raises it. merged_into: the row that replaced this row.
    """

    name = models.CharField(max_length=NAME_LENGTH)
    name_key = models.CharField(max_length=KEY_LENGTH, db_index=True, editable=False)
    active = models.BooleanField(default=True)
    origin_label = models.CharField(max_length=255, blank=True, default="", db_index=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    merged_into_id: int | None

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def set_derived_columns(self) -> None:
        """Sets the columns that follow from other columns."""
        self.name_key = fold(self.name)[:KEY_LENGTH]  # folding turns some letters into several


class Element(models.Model):
    """A member of a collection of an aggregate.

    source_key: the key under which one link owns this element, null for an element made here.
    """

    source_key = models.CharField(max_length=KEY_LENGTH, null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["source_key"], name="oncall_%(class)s_source_key")]

    def set_derived_columns(self) -> None:
        """Sets the columns that follow from other columns; most elements have none."""


def key_column(*, indexed: bool = True) -> "models.CharField[str, str]":
    """Returns a column for the key of another row: ``<connection>:<external id>``, ``local:<pk>``, or empty."""
    return models.CharField(max_length=KEY_LENGTH, blank=True, default="", db_index=indexed)


def open_references(key: str, row: str, name: str) -> models.Index:
    """Returns an index of the rows with a key whose foreign key is not set yet. It is almost empty."""
    return models.Index(fields=[row, key], condition=models.Q(**{f"{row}__isnull": True, f"{key}__gt": ""}), name=name)


class Span(Element):
    """An element that applies during ``[starts_at, ends_at)``."""

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
