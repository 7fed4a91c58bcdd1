"""Phone numbers as people type them: read as the one number they mean, or not at all."""

import pytest

from connectors.reading.phones import Phone, read_phone


@pytest.mark.parametrize(
    ("typed", "code", "address", "extension"),
    [
        ("2025550143", 1, "+12025550143", ""),
        ("202-555-0143", 1, "+12025550143", ""),
        ("12025550143", 1, "+12025550143", ""),  # the country code twice
        ("+1 202 555 0143", 1, "+12025550143", ""),
        ("+44 7700 900123", 1, None, ""),  # two country codes that differ
        ("07700900123", 44, "+447700900123", ""),
        ("447400123456", 44, "+447400123456", ""),
        ("0044 7400 123456", 44, "+447400123456", ""),
        ("4915112345678", 49, None, ""),  # either reading may be meant
        ("06 1234 5678", 39, "+390612345678", ""),  # Italy keeps its zero
        ("5550143", 1, None, ""),  # without its area code
        ("+49 49 171 3920001", None, None, ""),  # either reading may be meant
        ("+49 4921 123456", None, "+494921123456", ""),  # a city whose area code begins like the country code
        ("+1 1 202 555 0143", None, "+12025550143", ""),
        ("2025550143,,204", 1, "+12025550143", "204"),
        ("2025550143;ext=204", 1, "+12025550143", "204"),
        ("2025550143 ext. 204", 1, "+12025550143", "204"),
        ("2025550143x204#", 1, "+12025550143", "204#"),
        ("+44 (0)20 7946 0123", None, "+442079460123", ""),
        ("+39 (0)6 1234 5678", None, "+390612345678", ""),
        ("+177855556782;ext=120", None, None, ""),
        ("604 555 1234;ext=83", None, None, ""),
        ("4711", None, None, ""),
        ("1-800-FLOWERS", None, None, ""),
        ("call 2025550143", 1, None, ""),
        ("", 1, None, ""),
        ("+", None, None, ""),
        ("٢٠٢٥٥٥٠١٤٣", 1, None, ""),
    ],
)
def test_a_number_is_the_one_that_was_meant_or_none(
    typed: str, code: int | None, address: str | None, extension: str
) -> None:
    assert read_phone(typed, code) == Phone(address, extension)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("1-2025550143", "+12025550143"),
        ("0049-1713920001", "+491713920001"),
        ("49-(0)1713920001", "+491713920001"),
        ("44-07700900123", "+447700900123"),
        ("+1-2025550143", "+12025550143"),
        ("07700900123", None),
        ("2025550143", None),  # not Egypt
        ("555-555-5555", None),  # not Brazil
        ("49-491713920001", None),  # either reading may be meant
        ("44-447400123456", "+447400123456"),  # the country code twice
        ("1-12025550143", "+12025550143"),
    ],
)
def test_a_vendor_may_write_country_codes_without_a_plus(typed: str, address: str | None) -> None:
    assert read_phone(typed, plus=False) == Phone(address)
