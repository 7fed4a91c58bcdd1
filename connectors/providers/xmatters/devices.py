"""Devices -> contact methods and notification rules. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from connectors.providers.xmatters import wire
from connectors.reading.findings import Findings
from connectors.records import Channel, SourceContactMethod, SourceNotificationRule

_CHANNELS: Final[dict[str, Channel]] = {
    "EMAIL": "email",
    "VOICE": "voice",
    "TEXT_PHONE": "sms",
    "APPLE_PUSH": "push",
    "ANDROID_PUSH": "push",
}
#: Kinds that have no form here: vendor reference, "Device types".
_SKIPPED: Final = {
    "FAX": "nobody is paged by fax",
    "VOICE_IVR": "a number that people call",
    "GENERIC": "a device of a plug-in",
    "TEXT_PAGER": "a pager of an operator",
}
_NUMBER = re.compile(r"(?P<number>[^;]*)(?:;\s*ext=(?P<extension>[0-9]{1,12}))?", re.ASCII)
_FEWEST_DIGITS, _MOST_DIGITS = 8, 15  # ITU-T E.164; shorter ones are internal numbers


def by_sequence(devices: Iterable[wire.Device]) -> list[wire.Device]:
    """In the order they are tried; those that do not tell it last, by id."""
    return sorted(devices, key=lambda d: (d.sequence is None, d.sequence or 0, d.id))


def contact_methods(
    person_id: str, devices: Sequence[wire.Device], findings: Findings
) -> tuple[SourceContactMethod, ...]:
    """In the order they are tried. Kinds without a form here are counted by kind in one note."""
    made = []
    skipped: Counter[str] = Counter()
    for device in by_sequence(devices):
        channel = _CHANNELS.get(device.device_type)
        if channel is None:
            skipped[device.device_type] += 1
            continue
        address, extension = _address(device, channel)
        path = f"devices[{device.id}]"
        if address is None and channel in ("sms", "voice"):
            message = f"The number of the device {device.id} cannot be read as an international one."
            findings.note("responder", person_id, "invalid_number", message, f"{path}.phoneNumber")
        if not is_used(device):
            message = f"The device {device.id} is switched off or was found invalid at xMatters."
            findings.note("responder", person_id, "contact_method_off", message, f"{path}.status")
        label = (device.name or "").strip()
        made.append(
            SourceContactMethod(
                external_id=device.id,
                channel=channel,
                address=address,
                label=f"{label} ext. {extension}".strip() if extension else label,
                enabled=is_used(device),
                vendor_type=device.device_type,
            )
        )
    for kind, count in sorted(skipped.items()):
        reason = _SKIPPED.get(kind, "a kind that is not known here")
        message = (
            f"{count} of the devices {'is' if count == 1 else 'are'} of the kind {kind[:40]} and left out: {reason}."
        )
        findings.note("responder", person_id, "skipped_devices", message, "devices[].deviceType")
    return tuple(made)


def notification_rules(devices: Iterable[wire.Device]) -> tuple[SourceNotificationRule, ...]:
    """One rule per device in use: after the delays of all devices before it (vendor reference: ``delay`` runs after a
    device, before the next). Devices without a form here let their delay run as well."""
    made = []
    minutes = 0
    for device in by_sequence(devices):
        if not is_used(device):
            continue
        if device.device_type in _CHANNELS:
            windows = tuple(sorted(_window(timeframe) for timeframe in device.timeframes or ()))
            made.append(SourceNotificationRule(device.id, "any", minutes, device.id, windows))
        minutes += device.delay or 0
    return tuple(made)


def is_used(device: wire.Device) -> bool:
    return device.status != "INACTIVE" and device.test_status != "INVALID"


def _window(timeframe: wire.Timeframe) -> str:
    """A time frame as JSON, its days in the order of the week."""
    told = {
        "days": [day for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU") if day in (timeframe.days or ())],
        "exclude_holidays": timeframe.exclude_holidays is True,
        "minutes": timeframe.duration_in_minutes,
        "start": timeframe.start_time,
        "time_zone": timeframe.timezone or "",
    }
    return json.dumps(told, sort_keys=True)


def _address(device: wire.Device, channel: Channel) -> tuple[str | None, str | None]:
    """Address and extension; of a push device neither, its token is a secret."""
    if channel == "email":
        return (device.email_address or "").strip() or None, None
    if channel == "push":
        return None, None
    read = _NUMBER.fullmatch((device.phone_number or "").strip())
    if read is None:
        return None, None
    number = re.sub(r"[ ().-]", "", read["number"])
    digits = number.removeprefix("+")
    international = number.startswith("+") and digits.isascii() and digits.isdigit()
    usable = international and _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS
    return (number if usable else None), read["extension"]
