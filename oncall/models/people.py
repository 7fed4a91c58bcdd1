"""Accounts (who may log in) and responders (who can be on call). They are linked, never merged."""

from typing import ClassVar, Protocol, TypedDict, Unpack

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from oncall.emails import canonical_email
from oncall.holders import holder_in_words
from oncall.models.root import NAME_LENGTH, Element, Root, Span, key_column, open_references


class Role(models.TextChoices):
    """The names of the permission groups that exist in every installation."""

    ADMINISTRATOR = "Administrator"
    OPERATOR = "Operator"
    TEAM_LEAD = "Team lead"
    VIEWER = "Viewer"


class AccountFields(TypedDict, total=False):
    """The fields of an account that can be set, beside its address."""

    name: str
    is_active: bool
    is_staff: bool
    is_superuser: bool


class CreateAccount(Protocol):
    """Stores a new account. Raises InvalidDraft if the address is not valid or belongs to another account."""

    def __call__(self, email: str, password: str | None = None, **fields: Unpack[AccountFields]) -> "User": ...


class AccountManager(BaseUserManager["User"]):
    """Finds accounts by address in upper or lower case.

    create_account: ``oncall.apps`` sets it when the app is ready, because only ``oncall.operations`` writes.
    """

    create_account: ClassVar[CreateAccount]

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email_canonical=canonical_email(username or "") or "")

    def create_user(self, email: str, password: str | None = None, **fields: Unpack[AccountFields]) -> "User":
        return type(self).create_account(email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Unpack[AccountFields]) -> "User":
        fields |= {"is_staff": True, "is_superuser": True}
        return self.create_user(email, password, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A login. email: as a person typed it. email_canonical: the form that identifies it (``canonical_email``).

    version: every change by ``oncall.operations`` raises it.
    """

    email = models.EmailField(unique=True)
    email_canonical = models.CharField(max_length=254, unique=True, editable=False)
    name = models.CharField(max_length=255, blank=True, default="")
    is_active = models.BooleanField("active", default=True, help_text="May log in.")
    is_staff = models.BooleanField("staff", default=False, help_text="May use this site.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

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
    """A person who can be on call. Two responders may have the same address; a person decides which one is meant."""

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

    class Meta:
        permissions = [("erase_responder", "Can erase a person on request")]

    def set_derived_columns(self) -> None:
        super().set_derived_columns()
        self.email_canonical = canonical_email(self.email) or ""


class ContactMethod(Element):
    """A way to page a responder.

    canonical: the address in the form in which equal addresses are grouped. It is empty if an e-mail address or a phone
    number is not valid.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"
        VOICE = "voice", "Voice call"
        PUSH = "push", "Push"
        OTHER = "other", "Other"

    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="contact_methods")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    canonical = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_index=True, editable=False)
    extension = models.CharField(max_length=40, blank=True, default="")
    label = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}".strip()

    def set_derived_columns(self) -> None:
        address = self.address.strip()
        match self.channel:
            case self.Channel.EMAIL:
                self.canonical = canonical_email(address) or ""
            case self.Channel.SMS | self.Channel.VOICE:
                number = "".join(c if c == "+" else str(int(c)) for c in address if c == "+" or c.isdecimal())
                self.canonical = number if number.strip("+") else ""
            case _:
                self.canonical = address


class NotificationRule(Element):
    """How a responder wants to be notified.

    delay: whole minutes after the page. windows: when the rule applies, empty = always.
    """

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
    """Another person, or nobody, replaces the responder in all schedules.

    by_key: ``person:<key>``, ``unknown:<key>`` or ``vacant``. scope: keys of the groups whose schedules it applies to,
    null = all.
    """

    responder = models.ForeignKey(Responder, on_delete=models.CASCADE, related_name="substitutions")
    by_key = key_column()
    by = models.ForeignKey(
        Responder, on_delete=models.PROTECT, null=True, blank=True, related_name="standing_in_substitutions"
    )
    scope = models.JSONField(null=True, blank=True)

    class Meta(Span.Meta):
        indexes = [open_references("by_key", "by", "oncall_substitution_open_by")]

    def __str__(self) -> str:
        return f"{self.by or holder_in_words(self.by_key)} for {self.responder}"
