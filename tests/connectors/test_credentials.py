"""Credentials at rest: bound to their row and field, unreadable without a key, never shown."""

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from connectors.connections.opening import open_connector
from connectors.credentials import CredentialUnreadable, is_current, seal, unseal
from connectors.errors import ConnectionConfigError
from connectors.models import Connection

SECRET = "u+canary-4711"


def test_it_opens_what_it_sealed() -> None:
    sealed = seal(SECRET, row="a", field="api_key")
    assert SECRET not in sealed
    assert unseal(sealed, row="a", field="api_key").reveal() == SECRET
    assert is_current(sealed)


@pytest.mark.parametrize(("row", "field"), [("b", "api_key"), ("a", "password")])
def test_a_ciphertext_copied_to_another_row_or_field_is_refused(row: str, field: str) -> None:
    with pytest.raises(CredentialUnreadable, match="belongs to another connection"):
        unseal(seal(SECRET, row="a", field="api_key"), row=row, field=field)


def test_a_lost_key_gives_one_clear_sentence(settings: Any) -> None:
    sealed = seal(SECRET, row="a", field="api_key")
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CredentialUnreadable) as error:
        unseal(sealed, row="a", field="api_key")
    assert "enter the key of the source again" in str(error.value)
    assert not is_current(sealed)


def test_any_of_the_keys_opens_and_the_first_one_seals(settings: Any) -> None:
    old = settings.CREDENTIAL_KEYS[0]
    sealed = seal(SECRET, row="a", field="api_key")
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode(), old]
    assert unseal(sealed, row="a", field="api_key").reveal() == SECRET
    assert not is_current(sealed)


def test_a_text_of_another_form_is_never_taken_for_a_secret() -> None:
    with pytest.raises(CredentialUnreadable, match="unknown form"):
        unseal("plain-text", row="a", field="api_key")


@pytest.mark.parametrize(("keys", "words"), [([], "not set"), (["short"], "not a Fernet key")])
def test_missing_or_broken_keys_name_the_variable(settings: Any, keys: list[str], words: str) -> None:
    settings.CREDENTIAL_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match=words) as error:
        seal(SECRET, row="a", field="api_key")
    assert "CREDENTIAL_KEYS" in str(error.value)
    assert "short" not in str(error.value)


def connection(**more: Any) -> Connection:
    return Connection(name="acme", provider="pagerduty", settings={"subdomain": "acme", "region": "us"}, **more)


def test_a_connection_shows_its_secret_nowhere() -> None:
    made = connection()
    made.seal_credentials({"api_key": SECRET})
    shown = [str(made), repr(made), json.dumps(made.credentials), repr(made.secrets()), str(made.__dict__)]
    assert not any(SECRET in text for text in shown)


def test_a_connector_gets_what_was_learnt_about_its_account() -> None:
    for learnt in ({}, {"has_services": False}):
        made = connection(learnt=learnt)
        made.seal_credentials({"api_key": SECRET})
        assert open_connector(made).learnt == learnt


@pytest.mark.django_db
def test_a_connection_that_cannot_be_used_says_why() -> None:
    from django.utils import timezone

    with pytest.raises(ConnectionConfigError, match="is disconnected"):
        open_connector(connection(disconnected_at=timezone.now()))
    other = connection()
    other.provider = "acmepager"
    with pytest.raises(ConnectionConfigError, match="not part of this installation"):
        open_connector(other)
    stolen = connection()
    stolen.seal_credentials({"api_key": SECRET})
    thief = connection(credentials=stolen.credentials)
    with pytest.raises(ConnectionConfigError, match="belongs to another connection"):
        open_connector(thief)
