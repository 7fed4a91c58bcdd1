"""Tests the canonical form of addresses."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.emails import canonical_email


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Ana.Kowalski+Page@Example.COM", "ana.kowalski+page@example.com"),
        (" ana@example.com ", "ana@example.com"),
        ("ana@Bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
    ],
)
def test_case_and_domain_form_do_not_matter(text: str, canonical: str) -> None:
    assert canonical_email(text) == canonical


@pytest.mark.parametrize(
    "text",
    ["mıke@example.com", "mi\u212ae@example.com", "miſe@example.com", "", "ana", "@example.com", "ana@", "ana@host",
     "ana@a b.example", "a na@example.com", "ana@example.com\n", "ana@@example.com", "ana@example.com.",
     "x" * 65 + "@example.com", "ana@" + "x" * 64 + ".example", "ana@" + ".".join(["x" * 60] * 5)],
)  # fmt: skip
def test_it_refuses_addresses_that_look_like_another_address(text: str) -> None:
    assert canonical_email(text) is None


@pytest.mark.parametrize(
    "letter",
    ["ⅼ", "ｌ", "𝐥", "ℓ", "ᴸ", "\u212a", "ſ", "。", "．", "\u00ad", "\u200b", "①", "ﬁ", "℀", "㏒", "\ufe0f"],
)
def test_a_letter_that_becomes_ascii_or_vanishes_is_refused_in_a_domain(letter: str) -> None:
    assert canonical_email(f"ana@examp{letter}e.example.com") is None


def test_no_letter_of_unicode_makes_a_domain_equal_to_one_in_ascii() -> None:
    letters = [chr(n) for n in range(128, 0x110000) if unicodedata.category(chr(n)) not in ("Cn", "Co", "Cs")]
    folded = [each for each in letters if "@xn--" not in (canonical_email(f"ana@exam{each}.com") or "@xn--")]
    assert len(letters) > 100_000
    assert folded == []


@given(st.text() | st.emails())
def test_the_canonical_form_of_a_canonical_address_is_the_same(text: str) -> None:
    canonical = canonical_email(text)
    assert canonical is None or (canonical.isascii() and canonical_email(canonical) == canonical)
