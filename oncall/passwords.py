"""Refuses passwords that a program guesses early: common ones, and those made from words, names, dates and patterns."""

from typing import Final

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.views.decorators.debug import sensitive_variables
from zxcvbn import zxcvbn

#: How many guesses a password must withstand, if the guesser knows all common passwords and words.
GUESSES: Final = 10**9
#: The time of an estimate grows with the length. Every longer beginning is estimated alike.
_READ_CHARS: Final = 64


class GuessablePasswordValidator:
    """A validator of AUTH_PASSWORD_VALIDATORS. It works without a network: the lists are in the library."""

    @sensitive_variables()
    def validate(self, password: str, user: Model | None = None) -> None:
        """Raises ValidationError if the password is guessed too early, or made from the account's address or name."""
        own = [str(getattr(user, field, "") or "") for field in ("email", "name")]
        words = ["rotabridge", *(word for text in own for word in [text, *text.replace("@", " ").split()])]
        estimate = zxcvbn(password[:_READ_CHARS], user_inputs=words)
        if estimate["guesses"] < GUESSES:
            advice = " ".join([estimate["feedback"]["warning"], *estimate["feedback"]["suggestions"]]).strip()
            raise ValidationError(f"This password is easy to guess. {advice}".strip(), code="password_guessable")

    def get_help_text(self) -> str:
        return "Your password must not be easy to guess. Several words without a connection are a good one."
