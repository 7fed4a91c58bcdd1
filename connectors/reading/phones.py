"""Reads the phone numbers of all vendors by the numbering plan of each country. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import phonenumbers

from connectors.reading.findings import Findings

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
    whether the vendor writes a plus before a country code; if not, the code and the number must be written apart. A
    trunk prefix is dropped where the country's plan has one (ITU-T E.164), a country code that was typed twice once. A
    number that is not certain has no address: it would be somebody else's.
    """
    match = _TYPED.fullmatch(typed.strip())
    if match is None:
        return Phone(None)
    text, international = match["number"].lstrip("+ ("), match["number"].startswith("+")
    if text.startswith("00"):
        text, international = text[2:], True
    groups = re.findall(r"[0-9]+", text)
    number = _number("".join(groups), groups, "" if country_code is None else str(country_code), international, plus)
    if number is None:
        return Phone(None)
    return Phone(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), (match["extension"] or "").strip(",;")
    )


def note_extension(phone: Phone, words: str, person_id: str, path: str, findings: Findings) -> None:
    """Adds a note when the number has an extension. words: what has the number. path: its JSON path."""
    if phone.extension:
        message = f"The number of {words} has the extension {phone.extension}, which was kept apart."
        findings.note("responder", person_id, "phone_extension", message, path)


def _number(
    digits: str, groups: Sequence[str], code: str, international: bool, plus: bool
) -> phonenumbers.PhoneNumber | None:
    """The number, None if it is not certain. code: of a field of its own, else empty. groups: the digits as separated.

    The code may have been typed twice: after a field of its own, after a code that stands alone, and where a vendor
    writes a code and the number.
    """
    stands_apart = not (code or plus or international)
    if stands_apart:
        code = groups[0] if groups else ""
    whole = digits if international or stands_apart else code + digits
    number = _parsed(whole) if code or international else None
    if not code and number is not None:
        code = str(number.country_code)
    rest = whole[len(code) :]
    if code and rest.startswith(code) and (stands_apart or not international or groups[:2] == [code, code]):
        number = _without_second_code(number, _parsed(rest))
    # Without its code, or with another one, the number would be one of another country.
    return number if number is not None and str(number.country_code) == code else None


def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    """The number of a country code and the rest; None when the country's plan has no number of this length."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)  # a number without its area code is not one
    return number if reason == phonenumbers.ValidationResult.IS_POSSIBLE else None


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
