"""Java's three-letter time zones. The vendor accepts them, so Java's meaning is the likeliest candidate.

The table is ``java.time.ZoneId.SHORT_IDS``. People often mean another zone (many read BST as British Summer Time), so
an ambiguous name remains a question for the user; only the order of the candidates changes.
"""

from dataclasses import replace
from typing import Final

from connectors.zones.timezones import ZoneReading, convert

_SHORT_IDS: Final = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa",
    "ECT": "Europe/Paris",
    "EST": "Etc/GMT+5",
    "HST": "Etc/GMT+10",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "MST": "Etc/GMT+7",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
}


def convert_java(sent: str | None) -> ZoneReading:
    """Convert a zone like :func:`connectors.zones.timezones.convert`, but put Java's meaning first among candidates."""
    zone = convert(sent)
    likeliest = _SHORT_IDS.get((sent or "").strip())
    if zone.zone is not None or likeliest is None:
        return zone
    others = tuple(candidate for candidate in zone.candidates if candidate != likeliest)
    return replace(zone, candidates=(likeliest, *others))
