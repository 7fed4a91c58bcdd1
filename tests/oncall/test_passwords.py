"""Passwords that are refused: the longer list works offline, and knows what people make from common passwords."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from oncall.models import User
from oncall.passwords import GuessablePasswordValidator

ANA = User(email="ana.kowalski@example.com", name="Ana Kowalski")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "P@ssw0rd2026",
        "qwertyuiop12",
        "iloveyou12345",
        "MonkeyDragon1",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "Kowalski2026",
        "rotabridge12",
        "Ana Kowalski1",
        "letmein123456",
        "1qaz2wsx3edc",
        "Liverpool2026",
    ],
)
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError, match="easy to guess"):
        GuessablePasswordValidator().validate(password, ANA)


@pytest.mark.parametrize("password", ["correct horse battery staple", "k7#Qw9zL!mP2", "tram oyster 61 velvet"])
def test_other_passwords_are_accepted(password: str) -> None:
    validate_password(password, ANA)


def test_a_very_long_password_is_estimated_by_its_beginning() -> None:
    with pytest.raises(ValidationError, match="easy to guess"):
        GuessablePasswordValidator().validate("x9" * 50_000)
    GuessablePasswordValidator().validate("tram oyster 61 velvet " * 5_000)


def test_the_refusal_does_not_contain_the_password() -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password("Liverpool2026", ANA)
    assert "Liverpool" not in str(refused.value.messages)


def test_the_forms_use_the_check() -> None:
    with pytest.raises(ValidationError, match="easy to guess"):
        validate_password("letmein123456")
