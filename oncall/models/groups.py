"""User groups, their members, and their leads here."""

from django.conf import settings
from django.db import models

from oncall.models.people import Responder
from oncall.models.root import Element, Root, key_column, open_references


class UserGroup(Root):
    description = models.TextField(blank=True, default="")


class GroupMember(Element):
    """A membership. A responder has one for each source that reports it, so readers count distinct responders.

    imported_role: the role at the source. Pages show it; it gives no right here.
    """

    group = models.ForeignKey(UserGroup, on_delete=models.CASCADE, related_name="members")
    person_key = key_column()
    responder = models.ForeignKey(
        Responder, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships"
    )
    imported_role = models.CharField(max_length=255, blank=True, default="")

    class Meta(Element.Meta):
        indexes = [open_references("person_key", "responder", "oncall_member_open_person")]

    def __str__(self) -> str:
        return str(self.responder or self.person_key)


class GroupLead(models.Model):
    """The right of an account to manage a group. An administrator grants it here; it is never imported."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="leads")
    group = models.ForeignKey(UserGroup, on_delete=models.CASCADE, related_name="leads")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "group"], name="oncall_grouplead_once")]
        permissions = [("act_as_lead", "Can act for the groups that the account leads")]

    def __str__(self) -> str:
        return f"{self.account} leads {self.group}"


class DeclinedLead(models.Model):
    """A manager at a source whom an administrator did not make a lead here, so that it is not proposed again."""

    group = models.ForeignKey(UserGroup, on_delete=models.CASCADE, related_name="+")
    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "responder"], name="oncall_declinedlead_once")]

    def __str__(self) -> str:
        return f"{self.responder} does not lead {self.group}"
