"""Accounts (who may log in) and responders (who can be on call); linked, never merged."""

from typing import Any, ClassVar, Protocol

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from oncall.emails import canonical_email
from oncall.models.root import Element, Root, Span, key_column


class CreateAccount(Protocol):
    """Stores a new account. Raises InvalidDraft for an address that no account can have."""

    def __call__(self, email: str, password: str | None = None, **fields: Any) -> "User": ...


class AccountManager(BaseUserManager["User"]):
    """Finds accounts by address, whatever its case.

    create_account: ``oncall.operations.accounts`` sets it when the app is ready, because only operations write.
    """

    create_account: ClassVar[CreateAccount]

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email_canonical=canonical_email(username or "") or "")

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return type(self).create_account(email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """An account. email: as written; email_canonical: what identifies it (``canonical_email``)."""

    email = models.EmailField(unique=True)
    email_canonical = models.CharField(max_length=254, unique=True, editable=False)
    name = models.CharField(max_length=255, blank=True, default="")
    is_active = models.BooleanField("active", default=True, help_text="May log in.")
    is_staff = models.BooleanField("staff", default=False, help_text="May use this site.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = "account"

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class Responder(Root):
    """A person who can be on call. Two may share an address: which one is meant is a person's decision."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        INACTIVE = "inactive", "Inactive"
        DELETED = "deleted", "Deleted at the source"
        UNKNOWN = "unknown", "Unknown"

    account = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="responder")
    email = models.CharField(max_length=320, blank=True, default="")
    email_canonical = models.CharField(max_length=254, blank=True, default="", db_index=True, editable=False)
    time_zone = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    title = models.CharField(max_length=500, blank=True, default="")


class ContactMethod(Element):
    """One way to reach a responder. canonical: address in the form in which equal ones are grouped."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"
        VOICE = "voice", "Voice call"
        PUSH = "push", "Push"
        OTHER = "other", "Other"

    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="contact_methods")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.CharField(max_length=500, blank=True, default="")
    canonical = models.CharField(max_length=500, blank=True, default="", db_index=True, editable=False)
    extension = models.CharField(max_length=40, blank=True, default="")
    label = models.CharField(max_length=255, blank=True, default="")
    enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}".strip()


class NotificationRule(Element):
    """How a responder wants to be told. delay: whole minutes after the page. windows: when it holds, empty = always."""

    class Urgency(models.TextChoices):
        HIGH = "high", "High"
        LOW = "low", "Low"
        ANY = "any", "Any"

    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="notification_rules")
    urgency = models.CharField(max_length=8, choices=Urgency.choices, default=Urgency.ANY)
    delay = models.PositiveIntegerField(default=0)
    method_key = key_column()
    contact_method = models.ForeignKey(
        ContactMethod, on_delete=models.SET_NULL, null=True, blank=True, related_name="notification_rules"
    )
    windows = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return f"{self.get_urgency_display()} urgency, after {self.delay} min"


class Substitution(Span):
    """Somebody (or nobody) stands in for the responder. by_key: ``person:<key>`` or ``vacant``. scope: keys of the
    groups whose schedules it concerns, null = all."""

    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="substitutions")
    by_key = key_column()
    by = models.ForeignKey(
        Responder, on_delete=models.PROTECT, null=True, blank=True, related_name="standing_in_substitutions"
    )
    scope = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.by or self.by_key} for {self.responder}"
