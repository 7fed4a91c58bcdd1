"""Maps devices to contact methods and notification rules. Pure."""

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
#: Kinds that are not imported, with the reason: vendor reference, "Device types".
_SKIPPED: Final = {
    "FAX": "a fax machine cannot page a person",
    "VOICE_IVR": "it is a number that people call",
    "GENERIC": "it belongs to a plug-in",
    "TEXT_PAGER": "it is a pager of a network operator",
}
_NUMBER = re.compile(r"(?P<number>[^;]*)(?:;\s*ext=(?P<extension>[0-9]{1,12}))?", re.ASCII)
_FEWEST_DIGITS, _MOST_DIGITS = 8, 15  # ITU-T E.164; shorter numbers are internal


def by_sequence(devices: Iterable[wire.Device]) -> list[wire.Device]:
    """Returns devices in the order in which xMatters tries them. Devices without a place come last, by id."""
    return sorted(devices, key=lambda d: (d.sequence is None, d.sequence or 0, d.id))


def contact_methods(
    person_id: str, devices: Sequence[wire.Device], findings: Findings
) -> tuple[SourceContactMethod, ...]:
    """Returns contact methods in the order of their devices. Notes count the devices that are left out, by kind."""
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
            message = f"The number of the device {device.id} is not a valid international number."
            findings.note("responder", person_id, "invalid_number", message, f"{path}.phoneNumber")
        if not is_used(device):
            message = f"The device {device.id} is switched off or marked as invalid at xMatters."
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
        reason = _SKIPPED.get(kind, "the kind is unknown")
        devices_were = "device was" if count == 1 else "devices were"
        message = f"{count} {devices_were} left out, of the kind {kind[:40]}: {reason}."
        findings.note("responder", person_id, "skipped_devices", message, "devices[].deviceType")
    return tuple(made)


def notification_rules(devices: Iterable[wire.Device]) -> tuple[SourceNotificationRule, ...]:
    """Returns a rule for each device in use, after the delays of all devices before it.

    A device's ``delay`` runs before the next device is tried (vendor reference). This is also true for a device that is
    not imported.
    """
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
    """Returns whether xMatters uses a device: it is active and not invalid."""
    return device.status != "INACTIVE" and device.test_status != "INVALID"


def _window(timeframe: wire.Timeframe) -> str:
    """Returns a time frame as JSON, with its days in the order of the week."""
    values = {
        "days": [day for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU") if day in (timeframe.days or ())],
        "exclude_holidays": timeframe.exclude_holidays is True,
        "minutes": timeframe.duration_in_minutes,
        "start": timeframe.start_time,
        "time_zone": timeframe.timezone or "",
    }
    return json.dumps(values, sort_keys=True)


def _address(device: wire.Device, channel: Channel) -> tuple[str | None, str | None]:
    """Returns address and extension. A push device has neither, because its token is a secret."""
    if channel == "email":
        return (device.email_address or "").strip() or None, None
    if channel == "push":
        return None, None
    match = _NUMBER.fullmatch((device.phone_number or "").strip())
    if match is None:
        return None, None
    number = re.sub(r"[ ().-]", "", match["number"])
    digits = number.removeprefix("+")
    international = number.startswith("+") and digits.isascii() and digits.isdigit()
    usable = international and _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS
    return (number if usable else None), match["extension"]
