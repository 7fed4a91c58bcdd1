"""Names, keys and addresses that people chose: what is kept, and what replaces a text that cannot be used."""

import pytest

from connectors.reading.texts import is_email, name_of, short_key


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("Ann",), "Ann"),
        ((" Ann  Lee ",), " Ann  Lee "),
        ((None, "ann@acme.example"), "ann@acme.example"),
        (("  \t\u00a0", "", "Second"), "Second"),
        (("   ",), "U1"),
        (("\u200b \u2060",), "U1"),  # marks without width
        ((None,), "U1"),
        ((), "U1"),
        (("x" * 512,), "x" * 512),
        (("x" * 513,), "x" * 511 + "…"),
    ],
)
def test_a_name_is_the_first_that_is_visible(names: tuple[str | None, ...], name: str) -> None:
    assert name_of("U1", *names) == name


def test_a_key_that_is_too_long_is_shortened_to_the_same_key_every_time() -> None:
    assert short_key("Monday swap") == "Monday swap"
    assert short_key("x" * 255) == "x" * 255
    short = short_key("x" * 400)
    assert (len(short), short[:222], short) == (255, "x" * 222, short_key("x" * 400))
    assert short != short_key("x" * 401)


@pytest.mark.parametrize(
    "address", ["ann@acme.example", "ann+page@acme.example", "jörg@acme.example", "ann@müller.example", "a.@b.co"]
)
def test_mail_can_be_sent_to_an_address(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "ann@", "@acme.example", "ann@acme", "a b@acme.example", "ann@a@acme.example", "ann@acme.example, x",
     "Ann <ann@acme.example>", "x" * 65 + "@acme.example", "ann@acme.example."],
)  # fmt: skip
def test_mail_cannot_be_sent_to_a_text_that_is_no_address(address: str) -> None:
    assert not is_email(address)
