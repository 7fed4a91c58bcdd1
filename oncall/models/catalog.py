"""Services, and the escalation policies that are used when they fail."""

from django.db import models

from oncall.models.escalation import EscalationPolicy
from oncall.models.groups import UserGroup
from oncall.models.root import Root, key_column


class Service(Root):
    description = models.TextField(blank=True, default="")
    policy_key = key_column()
    policy = models.ForeignKey(
        EscalationPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="services"
    )
    group_key = key_column()
    group = models.ForeignKey(UserGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="services")
