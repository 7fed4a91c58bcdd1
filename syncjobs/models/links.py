"""Links between objects of a source and rows here, with the last values of the source."""

from typing import Final

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat

from connectors.models import Connection
from connectors.records import ENTITY_TYPES
from oncall.aggregates import Kind
from oncall.models.root import KEY_LENGTH, NAME_LENGTH

#: The columns that point to the row of a link. They have the names of the kinds.
ROW_COLUMNS: Final[tuple[Kind, ...]] = ENTITY_TYPES


class LinkState(models.TextChoices):
    LINKED = "linked"
    DETACHED = "detached"
    GONE = "gone"
    IGNORED = "ignored"


def _only_one_row() -> Q:
    """Return the condition that no row of another kind than the link's is set."""
    allowed = Q()
    for kind in ROW_COLUMNS:
        others = Q(**{f"{other}__isnull": True for other in ROW_COLUMNS if other != kind})
        allowed |= Q(entity_type=kind) & others
    return allowed


class ExternalLink(models.Model):
    """Connects an object of a source with a row here.

    ``key``: the key by which on-call rows refer to the object (:func:`syncjobs.planning.values.element_key`).
    ``base``: the last values of the source on which both sides agreed, ``{"fields": {...}, "elements": {collection:
    {key: values}}}``. ``primary``: this link writes the row's single-valued fields; only one link of a row does.
    ``synced_version``: the version of the row after the last sync; another version means that the row was edited.
    ``pins``: path -> ask | local. ``unread``: number of elements that the last read could not take, by collection.
    ``missing_count``: how often the object was seen missing; ``first_missing``: the ISO instant ``at`` of the first
    time, and its ``rights`` (:mod:`connectors.presence`). It is one column, as links are many rows.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="links")
    entity_type = models.CharField(max_length=20, choices=[(kind, kind) for kind in ROW_COLUMNS])
    external_id = models.CharField(max_length=255)
    responder = models.ForeignKey("oncall.Responder", models.SET_NULL, null=True, related_name="links")
    user_group = models.ForeignKey("oncall.UserGroup", models.SET_NULL, null=True, related_name="links")
    schedule = models.ForeignKey("oncall.Schedule", models.SET_NULL, null=True, related_name="links")
    escalation_policy = models.ForeignKey("oncall.EscalationPolicy", models.SET_NULL, null=True, related_name="links")
    service = models.ForeignKey("oncall.Service", models.SET_NULL, null=True, related_name="links")
    primary = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=LinkState, default=LinkState.LINKED)
    ignored_reason = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    missing_count = models.PositiveSmallIntegerField(default=0)
    first_missing = models.JSONField(default=dict)
    source_hash = models.CharField(max_length=32, blank=True)
    synced_version = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    pins = models.JSONField(default=dict)
    source_label = models.CharField(max_length=NAME_LENGTH, blank=True)
    base = models.JSONField(default=dict)
    unread = models.JSONField(default=dict)
    key = models.GeneratedField(
        expression=Concat(Cast("connection_id", models.CharField(max_length=20)), Value(":"), "external_id"),
        output_field=models.CharField(max_length=KEY_LENGTH),
        db_persist=True,
    )

    class Meta:
        indexes = [models.Index(fields=["key", "entity_type"], name="links_by_key")]
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity_type", "external_id"], name="one_link_per_object"),
            models.CheckConstraint(condition=_only_one_row(), name="link_points_to_its_kind"),
            *(
                models.UniqueConstraint(
                    fields=[kind],
                    condition=Q(primary=True) & Q(**{f"{kind}__isnull": False}),
                    name=f"one_primary_link_per_{kind}",
                )
                for kind in ROW_COLUMNS
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entity_type} {self.external_id}"

    @property
    def row_id(self) -> int | None:
        row_id: int | None = getattr(self, f"{self.entity_type}_id")
        return row_id


class ApplyLock(models.Model):
    """A row per kind. Its lock is held while objects of the kind are matched with rows here or created.

    run_id: the run that took the lock last.
    """

    entity_type = models.CharField(max_length=20, primary_key=True)
    run_id = models.PositiveBigIntegerField(null=True)

    def __str__(self) -> str:
        return f"Lock of {self.entity_type}"
