"""Tests the canonical form of addresses."""

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
        ("ana@example。com", "ana@example.com"),
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


@given(st.text() | st.emails())
def test_the_canonical_form_of_a_canonical_address_is_the_same(text: str) -> None:
    canonical = canonical_email(text)
    assert canonical is None or (canonical.isascii() and canonical_email(canonical) == canonical)
