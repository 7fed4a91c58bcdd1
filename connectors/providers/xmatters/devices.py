"""Maps devices to contact methods and notification rules. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

import phonenumbers

from connectors.providers.xmatters import wire
from connectors.reading.findings import Elements, Findings
from connectors.reading.phones import note_extension, read_phone
from connectors.reading.texts import is_email, short_text
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


def by_sequence(devices: Iterable[wire.Device]) -> list[wire.Device]:
    """Returns devices in the order in which xMatters tries them. Devices without a place come last, by id."""
    return sorted(devices, key=lambda d: (d.sequence is None, d.sequence or 0, d.id))


def contact_methods(
    person_id: str, devices: Iterable[wire.Device], findings: Findings
) -> Elements[SourceContactMethod]:
    """Returns contact methods in the order of their devices. Notes count the devices that are left out, by kind."""
    made = []
    skipped: Counter[str] = Counter()
    for device in by_sequence(devices):
        channel = _CHANNELS.get(device.device_type)
        if channel is None:
            skipped[device.device_type] += 1
            continue
        address, extension, is_valid = _address(person_id, device, channel, findings)
        if not is_used(device):
            message = f"The device {device.id} is switched off or marked as invalid at xMatters."
            findings.note("responder", person_id, "contact_method_off", message, f"devices[{device.id}].status")
        made.append(
            SourceContactMethod(
                external_id=device.id,
                channel=channel,
                address=address,
                label=short_text((device.name or "").strip()),
                enabled=is_used(device) and is_valid,
                vendor_type=device.device_type,
                extension=extension,
            )
        )
    for kind, count in sorted(skipped.items()):
        reason = _SKIPPED.get(kind, "the kind is unknown")
        devices_were = "device was" if count == 1 else "devices were"
        message = f"{count} {devices_were} left out, of the kind {kind[:40]}: {reason}."
        findings.note("responder", person_id, "skipped_devices", message, "devices[].deviceType")
    return Elements(made, unread_count(devices))


def notification_rules(
    person_id: str, devices: Iterable[wire.Device], findings: Findings
) -> Elements[SourceNotificationRule] | None:
    """Returns a rule for each device in use, after the delays of all devices before it.

    A device's ``delay`` runs before the next device is tried (vendor reference). This is also true for a device that is
    not imported. With an unreadable device, the delays are unknown, so the result is None (not reported).
    """
    if unread_count(devices):
        message = "A device could not be read, so the delays of the notification rules are not known."
        findings.note("responder", person_id, "notification_rules_not_told", message, "devices", loss=True)
        return None
    made = []
    minutes = unread = 0
    for device in by_sequence(devices):
        if not is_used(device):
            continue
        if device.device_type in _CHANNELS:
            path = f"devices[{device.id}].timeframes"
            raw = {"items": device.timeframes}
            timeframes = findings.read_element(wire.Timeframes, raw, "responder", person_id, path, ended=False)
            if timeframes is None:
                unread += 1
            else:
                windows = tuple(sorted(map(_window, timeframes.items or ())))
                made.append(SourceNotificationRule(device.id, "any", minutes, device.id, windows))
        minutes += device.delay or 0
    return Elements(made, unread)


def unread_count(devices: Iterable[wire.Device]) -> int:
    return devices.unread if isinstance(devices, Elements) else 0


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


def _address(person_id: str, device: wire.Device, channel: Channel, findings: Findings) -> tuple[str | None, str, bool]:
    """Returns address and extension, and whether they are valid. An invalid address is kept as typed, with a note.

    A push device has no address, because its token is a secret.
    """
    if channel == "push":
        return None, "", True
    if channel == "email":
        typed = (device.email_address or "").strip()
        if not is_email(typed):
            message = (
                f"The address of the device {device.id} is not a valid e-mail address. "
                "It is kept as typed and switched off."
            )
            findings.note("responder", person_id, "invalid_email", message, f"devices[{device.id}].emailAddress")
        return short_text(typed) or None, "", is_email(typed)
    typed = (device.phone_number or "").strip()
    phone = read_phone(typed, None if typed.startswith(("+", "00")) else _country_code(device.country))
    note_extension(phone, f"the device {device.id}", person_id, f"devices[{device.id}].phoneNumber", findings)
    if phone.address is None:
        message = (
            f"The number of the device {device.id} is not a valid international number. "
            "It is kept as typed and switched off."
        )
        findings.note("responder", person_id, "invalid_number", message, f"devices[{device.id}].phoneNumber")
    return phone.address or short_text(typed) or None, phone.extension, phone.address is not None


def _country_code(country: object) -> int | None:
    """Returns the number before international numbers of a country. None: the country is unknown."""
    return phonenumbers.country_code_for_region(country.strip().upper()) or None if isinstance(country, str) else None
