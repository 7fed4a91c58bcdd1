"""Reads the phone numbers of all vendors by the numbering plan of each country. Pure."""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers

#: The number itself, then an extension after ``;ext=``, ``x``, ``ext``, or after commas that each mean a pause.
_TYPED: Final = re.compile(
    r"(?P<number>\+?[0-9 ().\-/\u00a0]+?)(?:\s*(?:;\s*ext=|,+|ext\.?|x)\s*(?P<extension>[0-9*#,;]{1,38}))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number. address: E.164, or None when the number was not understood. extension: as typed, often empty."""

    address: str | None
    extension: str = ""


def read_phone(typed: str, country_code: int | None = None, *, plus: bool = True) -> Phone:
    """The number that a person typed.

    country_code: of a vendor that keeps it in a field of its own; otherwise the number must begin with it. plus:
    whether the vendor writes a plus before a country code; without one, the number may be a national one. A trunk
    prefix is dropped where the country's plan has one (ITU-T E.164), a country code that was typed twice once. A number
    that is not certain has no address: it would be somebody else's.
    """
    match = _TYPED.fullmatch(typed.strip())
    if match is None:
        return Phone(None)
    digits = re.sub(r"[^0-9]", "", match["number"])
    international = match["number"].startswith("+")
    if digits.startswith("00"):
        digits, international = digits[2:], True
    code = "" if country_code is None else str(country_code)
    if not digits.startswith(code) if international else plus and not code:
        return Phone(None)
    number = _parsed(digits if international or not code else code + digits)
    if code and not international and digits.startswith(code):
        number = _without_second_code(number, _parsed(digits))
    if number is None:
        return Phone(None)
    return Phone(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), (match["extension"] or "").strip(",;")
    )


def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    """The number of a country code and the rest; None when the country's plan has no number of this length."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _without_second_code(
    whole: phonenumbers.PhoneNumber | None, rest: phonenumbers.PhoneNumber | None
) -> phonenumbers.PhoneNumber | None:
    """The number when the digits begin like the country code: the only one of the two readings that the plan has.

    whole: the code belongs to the number. rest: the code was typed twice.
    """
    valid = [number for number in (whole, rest) if number is not None and phonenumbers.is_valid_number(number)]
    if len({phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) for number in valid}) == 1:
        return valid[0]
    return whole if rest is None else None
