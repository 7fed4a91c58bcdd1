"""Logins: the sessions that last, and the attempts that are counted."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    """A session of a browser. account_id: the account that is logged in, null = nobody is.

    It is no foreign key: a session of a deleted account belongs to nobody, and Django lists related rows by their key.
    """

    account_id = models.BigIntegerField(null=True, db_index=True)

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore


class LoginAttempt(models.Model):
    """An attempt to log in, or a request of a link for a new password, which never succeeds.

    account, address: keyed hashes of what was typed and of the network address; those of links are different.
    """

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)
    succeeded = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="oncall_loginattempt_account"),
            models.Index(fields=["address", "at"], name="oncall_loginattempt_address"),
        ]

    def __str__(self) -> str:
        return f"Login attempt {self.pk}"
