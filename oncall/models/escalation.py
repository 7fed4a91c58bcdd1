"""Escalation policies, and the index of the keys inside schedules and policies."""

from django.db import models
from django.db.models import Q

from oncall.escalation.codec import levels_to_json
from oncall.models.groups import UserGroup
from oncall.models.people import Responder
from oncall.models.root import Root, key_column, open_references
from oncall.models.schedules import Schedule
from oncall.rendering.codec import Json


def no_levels() -> Json:
    """Returns the stored form of a policy without levels."""
    return levels_to_json(())


class EscalationPolicy(Root):
    """An escalation policy with its levels.

    levels: stored form of ``oncall.escalation.codec``. repeat_count: extra rounds, null = unknown. part_of: the policy
    of the group, for the policy of one of its shifts.
    """

    class AfterLast(models.TextChoices):
        NOTHING = "nothing", "Nothing"
        CLOSE = "close", "Close the alert"

    class UnstaffedLevel(models.TextChoices):
        SKIP = "skip", "Skip it"
        SKIP_WITHIN_ROUND = "skip_within_round", "Skip it, except for the wait before the next round"
        WAIT = "wait", "Wait as usual"

    class Resolved(models.TextChoices):
        LEVEL = "level", "When each level starts"
        START = "start", "Once, at the start"

    description = models.TextField(blank=True, default="")
    initial_wait = models.PositiveIntegerField(default=0)
    levels = models.JSONField(default=no_levels, blank=True)
    repeat_count = models.PositiveIntegerField(null=True, blank=True)
    after_last = models.CharField(max_length=8, choices=AfterLast.choices, default=AfterLast.NOTHING)
    unstaffed_level = models.CharField(max_length=20, choices=UnstaffedLevel.choices, default=UnstaffedLevel.SKIP)
    resolved = models.CharField(max_length=8, choices=Resolved.choices, default=Resolved.LEVEL)
    part_of_key = key_column()
    part_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="parts")
    group_key = key_column()
    group = models.ForeignKey(UserGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="policies")

    class Meta:
        verbose_name_plural = "escalation policies"
        indexes = [
            open_references("part_of_key", "part_of", "oncall_policy_open_part_of"),
            open_references("group_key", "group", "oncall_policy_open_group"),
        ]


class Reference(models.Model):
    """A key inside a schedule's layers or a policy's levels, and the row it identifies, if that row exists.

    The operation that writes the owner rebuilds its references. kind: the kind of the row. position:
    ``layers/<layer key>/<slot>`` or ``levels/<level>/<target>``. The foreign keys are protected: a row in use can be
    deactivated, not deleted.
    """

    class Kind(models.TextChoices):
        RESPONDER = "responder"
        USER_GROUP = "user_group"
        SCHEDULE = "schedule"
        ESCALATION_POLICY = "escalation_policy"

    owner_schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, null=True, related_name="references")
    owner_policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, null=True, related_name="references")
    position = models.CharField(max_length=600)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    key = key_column()
    responder = models.ForeignKey(Responder, on_delete=models.PROTECT, null=True, related_name="references")
    user_group = models.ForeignKey(UserGroup, on_delete=models.PROTECT, null=True, related_name="references")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, null=True, related_name="referenced_by")
    escalation_policy = models.ForeignKey(
        EscalationPolicy, on_delete=models.PROTECT, null=True, related_name="referenced_by"
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["kind", "key"],
                condition=Q(
                    responder__isnull=True,
                    user_group__isnull=True,
                    schedule__isnull=True,
                    escalation_policy__isnull=True,
                ),
                name="oncall_reference_open",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["owner_schedule", "position"], name="oncall_reference_schedule_position"),
            models.UniqueConstraint(fields=["owner_policy", "position"], name="oncall_reference_policy_position"),
            models.CheckConstraint(
                condition=Q(owner_schedule__isnull=True) ^ Q(owner_policy__isnull=True),
                name="oncall_reference_one_owner",
            ),
            models.CheckConstraint(
                condition=(Q(responder__isnull=True) | Q(kind="responder"))
                & (Q(user_group__isnull=True) | Q(kind="user_group"))
                & (Q(schedule__isnull=True) | Q(kind="schedule"))
                & (Q(escalation_policy__isnull=True) | Q(kind="escalation_policy")),
                name="oncall_reference_row_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} at {self.position}"
