"""Services, and the escalation policies that are used when they fail."""

from django.db import models

from oncall.models.escalation import EscalationPolicy
from oncall.models.groups import UserGroup
from oncall.models.root import Root, key_column, open_references


class Service(Root):
    description = models.TextField(blank=True, default="")
    policy_key = key_column()
    policy = models.ForeignKey(
        EscalationPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="services"
    )
    group_key = key_column()
    group = models.ForeignKey(UserGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="services")

    class Meta:
        indexes = [
            open_references("policy_key", "policy", "oncall_service_open_policy"),
            open_references("group_key", "group", "oncall_service_open_group"),
        ]
