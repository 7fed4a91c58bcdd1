"""Schedules, their extra shifts and overrides."""

from django.db import models

from oncall.holders import holder_in_words
from oncall.models.groups import UserGroup
from oncall.models.people import Responder
from oncall.models.root import Root, Span, key_column, open_references
from oncall.rendering.codec import Json, layers_to_json


def no_layers() -> Json:
    """Returns the stored form of a schedule without layers."""
    return layers_to_json(())


class Schedule(Root):
    """A schedule with its layers.

    layers: stored form of ``oncall.rendering.codec``. group_keys: the groups it belongs to; the first group owns it
    and is repeated in group_key and group. zone_state: if it is not ok, nobody has decided which time zone the source
    means, and the schedule is inactive.
    """

    class ZoneState(models.TextChoices):
        OK = "ok", "Known"
        UNKNOWN = "unknown", "Unknown"
        AMBIGUOUS = "ambiguous", "Ambiguous"

    class Composition(models.TextChoices):
        STACKED = "stacked", "Stacked: the first layer with somebody wins"
        CONCURRENT = "concurrent", "Concurrent: all layers count"

    description = models.TextField(blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="")
    zone_state = models.CharField(max_length=16, choices=ZoneState.choices, default=ZoneState.OK)
    composition = models.CharField(max_length=16, choices=Composition.choices, default=Composition.STACKED)
    group_keys = models.JSONField(default=list, blank=True)
    group_key = key_column()
    group = models.ForeignKey(UserGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="schedules")
    layers = models.JSONField(default=no_layers, blank=True)

    class Meta:
        indexes = [open_references("group_key", "group", "oncall_schedule_open_group")]

    def set_derived_columns(self) -> None:
        super().set_derived_columns()
        self.group_key = self.group_keys[0] if self.group_keys else ""


class ExtraShift(Span):
    """A single shift that is added to the layers. by_key: ``person:<key>``, ``unknown:<key>`` or ``vacant``."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="extra_shifts")
    by_key = key_column()
    by = models.ForeignKey(Responder, on_delete=models.PROTECT, null=True, blank=True, related_name="extra_shifts")

    class Meta(Span.Meta):
        indexes = [
            models.Index(fields=["schedule", "ends_at"], name="oncall_extrashift_end"),
            open_references("by_key", "by", "oncall_extrashift_open_by"),
        ]

    def __str__(self) -> str:
        return f"{self.by or holder_in_words(self.by_key)} on {self.schedule}"


class Override(Span):
    """Another person, or nobody, is on call in the schedule.

    by_key: ``person:<key>``, ``unknown:<key>`` or ``vacant``. replaces: the participant who is replaced, empty =
    everybody. sources: keys of the layers and extra shifts it applies to, null = all. rank: where overrides overlap,
    the highest rank wins.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="overrides")
    by_key = key_column()
    by = models.ForeignKey(Responder, on_delete=models.PROTECT, null=True, blank=True, related_name="overrides")
    sources = models.JSONField(null=True, blank=True)
    replaces = key_column(indexed=False)
    replaced = models.ForeignKey(
        Responder, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="replacing_overrides"
    )
    covers_gaps = models.BooleanField(default=True)
    rank = models.IntegerField(default=0)

    class Meta(Span.Meta):
        indexes = [
            models.Index(fields=["schedule", "ends_at"], name="oncall_override_end"),
            open_references("by_key", "by", "oncall_override_open_by"),
            open_references("replaces", "replaced", "oncall_override_open_replaced"),
        ]

    def __str__(self) -> str:
        return f"{self.by or holder_in_words(self.by_key)} on {self.schedule}"

    def get_inline_title(self) -> str:
        """Returns the heading of its row in the form of the schedule: it names the limits that no field shows."""
        limits = []
        if self.replaces:
            limits.append(f"only instead of {self.replaced or holder_in_words(self.replaces)}")
        if self.sources is not None:
            limits.append(f"only in {len(self.sources)} of the layers and extra shifts")
        return f"{self} ({', '.join(limits)})" if limits else str(self)
