"""Java's three-letter time zones, which the vendor accepts: what they mean there is the likeliest candidate.

Facts of ``java.time.ZoneId.SHORT_IDS``. People mean other things by these letters (BST is British Summer Time to many),
so such a zone stays a question; only the order of the suggestions changes.
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
    """As :func:`connectors.zones.timezones.convert`; an ambiguous name lists Java's own reading first."""
    zone = convert(sent)
    likeliest = _SHORT_IDS.get((sent or "").strip())
    if zone.zone is not None or likeliest is None:
        return zone
    others = tuple(candidate for candidate in zone.candidates if candidate != likeliest)
    return replace(zone, candidates=(likeliest, *others))
