"""People, devices, groups, absences and services in the vendor's JSON."""

from typing import Any

from connectors.simulator.world import instant_text
from connectors.simulator.xmatters.api_call import ROOT, ApiCall, Json
from connectors.simulator.xmatters.model import (
    Absence,
    Device,
    Group,
    Person,
    Recipient,
    Service,
    Shift,
    Site,
    TimeFrame,
)


def moment(instant: float) -> str:
    """Return an instant like ``2021-12-28T08:00:00Z``."""
    return instant_text(int(instant))


def fine_moment(instant: float) -> str:
    """Return an instant like ``2021-12-28T08:00:00.000Z``."""
    return moment(instant)[:-1] + ".000Z"


def _self(path: str) -> Json:
    return {"self": f"{ROOT}{path}"}


def _without_none(**values: Any) -> Json:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


# References.


def group_reference(group: Group) -> Json:
    return {
        "id": group.id,
        "targetName": group.name,
        "recipientType": "GROUP",
        "links": _self(f"/groups/{group.id}"),
    }


def person_reference(person: Person, *, names: bool = True) -> Json:
    names_json = {"firstName": person.first_name, "lastName": person.last_name} if names else {}
    links = _self(f"/people/{person.id}")
    return {"id": person.id, "targetName": person.target_name, **names_json, "recipientType": "PERSON", "links": links}


def reference(call: ApiCall, recipient: Recipient) -> Json:
    """Write a recipient without names of people and without status."""
    kind, key = recipient
    places = {"PERSON": "people", "GROUP": "groups", "DEVICE": "devices", "DYNAMIC_TEAM": "dynamic-teams"}
    places["SERVICE"] = "services"
    made: Json = {"id": key, "targetName": call.state.name_of(recipient), "recipientType": kind}
    return made | {"links": _self(f"/{places[kind]}/{key}")}


def recipient(call: ApiCall, who: Recipient, *, owner: bool = True) -> Json:
    """Write a recipient with status; a dynamic team has none. owner: write the owner of a device."""
    kind, key = who
    state = call.state
    if kind == "PERSON":
        one = state.people[key]
        return person_reference(one) | {
            "status": one.status,
            "licenseType": one.license_type,
            "externallyOwned": one.externally_owned,
        }
    if kind == "GROUP":
        group_status = state.groups[key].status
        return reference(call, who) | {"groupType": state.groups[key].type, "status": group_status}
    if kind == "DEVICE":
        made = device(call, state.devices[key])
        return made if owner else {name: value for name, value in made.items() if name != "owner"}
    return reference(call, who)


# People and devices.


def person(call: ApiCall, one: Person) -> Json:
    state, embed = call.state, call.embedded
    made = _without_none(
        id=one.id,
        targetName=one.target_name,
        recipientType="PERSON",
        externalKey=one.external_key,
        externallyOwned=one.externally_owned,
        links=_self(f"/people/{one.id}"),
        firstName=one.first_name,
        lastName=one.last_name,
        language=one.language,
        timezone=one.zone,
        webLogin=one.web_login,
        phoneLogin=one.phone_login,
        phonePin=one.phone_pin,
        properties=one.properties,
        lastLogin=None if one.last_login is None else fine_moment(one.last_login),
        whenCreated=fine_moment(one.created),
        whenUpdated=moment(one.created),
        status=one.status,
        licenseType=one.license_type,
    )
    if one.site_id is not None:
        site_name = state.sites[one.site_id].name
        made["site"] = {"id": one.site_id, "name": site_name, "links": _self(f"/sites/{one.site_id}")}
    if one.externally_owned:
        made["locked"] = ["firstName", "lastName", "status"]
    if "roles" in embed:
        made["roles"] = call.nested(one.roles, lambda name: role(call, name), f"/people/{one.id}/roles")
    if "supervisors" in embed:
        made["supervisors"] = call.nested(
            one.supervisors, lambda key: person_reference(state.people[key]), f"/people/{one.id}/supervisors"
        )
    if "devices" in embed:
        made["devices"] = call.nested(
            state.devices_of(one.id), lambda each: device(call, each), f"/people/{one.id}/devices"
        )
    return made


def role(call: ApiCall, name: str) -> Json:
    return {"id": call.state.roles[name], "name": name, "description": f"{name} of {call.state.name}"}


_PHONES = ("VOICE", "TEXT_PHONE", "VOICE_IVR", "FAX")


def device(call: ApiCall, one: Device) -> Json:
    state = call.state
    owner = state.people[one.owner_id]
    target = owner.target_name if one.terse else f"{owner.target_name}|{one.name}"
    made = _without_none(
        id=one.id,
        name=one.name,
        targetName=target,
        recipientType="DEVICE",
        deviceType=one.type,
        description=_description(call, one),
        externallyOwned=owner.externally_owned,
        links=_self(f"/devices/{one.id}"),
        country=one.country,
        defaultDevice=one.default,
        delay=one.delay,
        owner=person_reference(owner, names=not one.terse),
        priorityThreshold=one.threshold,
        privileged=False,
        sequence=one.sequence,
        testStatus=one.test_status,
        **{"active" if one.terse else "status": one.status},
    )
    if one.type == "EMAIL":
        made["emailAddress"] = one.address
    elif one.type in _PHONES:
        made["phoneNumber"] = _description(call, one)
    elif one.type == "TEXT_PAGER":
        made |= {"pin": one.address, "twoWayDevice": False}
    elif one.type == "GENERIC":
        made["pin"] = one.address
    elif one.type == "APPLE_PUSH":
        made |= {"accountId": owner.target_name, "apnToken": one.address, "alertSound": "bell", "soundStatus": "ON"}
        made["soundThreshold"] = "HIGH"
    elif one.type == "ANDROID_PUSH":
        made |= {"accountId": owner.target_name, "registrationId": one.address}
    if one.type in ("TEXT_PHONE", "TEXT_PAGER"):
        made["provider"] = {"id": "xMatters Text Gateway"}
    if "timeframes" in call.embedded and one.time_frames:
        made["timeframes"] = call.nested(one.time_frames, time_frame, f"/devices/{one.id}/timeframes")
    return made


def _description(call: ApiCall, one: Device) -> str:
    """Return an e-mail address, a phone number in the requested format, or the name; never a token."""
    if one.type == "EMAIL":
        return one.address
    if one.type not in _PHONES:
        return one.name
    if call.request.one("phoneNumberFormat") == "COUNTRY_CODE" and one.address.startswith("+"):
        return f"{one.address[:3]} {one.address[3:6]} {one.address[6:]}"
    return one.address


def time_frame(one: TimeFrame) -> Json:
    return {
        "name": one.name,
        "startTime": one.start,
        "timezone": one.zone,
        "durationInMinutes": one.minutes,
        "days": list(one.days),
        "excludeHolidays": one.exclude_holidays,
    }


def site(one: Site) -> Json:
    return _without_none(
        id=one.id,
        name=one.name,
        timezone=one.zone,
        language="en",
        country=one.country,
        city=one.city,
        status=one.status,
        externallyOwned=False,
        links=_self(f"/sites/{one.id}"),
    )


# Groups, absences, services.


def group(call: ApiCall, one: Group) -> Json:
    state, embed = call.state, call.embedded
    made = group_reference(one) | _without_none(
        status=one.status,
        groupType=None if state.habits.untyped_groups else one.type,
        description=one.description or None,
        created=fine_moment(one.created),
        allowDuplicates=one.allow_duplicates,
        useDefaultDevices=True,
        observedByAll=not one.observers,
        externallyOwned=False,
        timezone=one.zone,
        responseCount=1 if one.type == "BROADCAST" else None,
        criteria=one.criteria,
    )
    if one.site_id is not None:
        made["site"] = {"id": one.site_id, "links": _self(f"/sites/{one.site_id}")}
    if "observers" in embed:
        made["observers"] = _observers(call, one)
    if "supervisors" in embed:
        made["supervisors"] = call.nested(
            one.supervisors, lambda key: person_reference(state.people[key]), f"/groups/{one.id}/supervisors"
        )
    if "services" in embed and state.services_refused is None:
        owned = [each for each in state.sorted_services() if each.owner_id == one.id]
        made["services"] = call.nested(owned, service_reference, f"/groups/{one.id}/services")
    return made


def _observers(call: ApiCall, one: Group) -> Json | str:
    if one.observed_by_text:
        return ", ".join(one.observers)
    return call.nested(one.observers, lambda name: role(call, name), f"/groups/{one.id}/observers")


def membership(call: ApiCall, one: Group, who: Recipient) -> Json:
    kind, key = who
    member = reference(call, who)
    if kind == "PERSON":
        found = call.state.people[key]
        member |= {"firstName": found.first_name, "lastName": found.last_name, "licenseType": found.license_type}
    owner = group_reference(one) | ({} if call.state.habits.untyped_groups else {"groupType": one.type})
    made: Json = {"group": owner, "member": member}
    if "shifts" in call.embedded:
        path = f"/groups/{one.id}/members/{key}/shifts"
        made["shifts"] = call.nested(shifts_with(call, one, who), lambda each: shift_membership(call, each), path)
    return made


def shifts_with(call: ApiCall, one: Group, who: Recipient) -> list[Shift]:
    """Return the shifts of a group in which a recipient has a seat."""
    return [each for each in call.state.shifts_of(one.id) if any(seat.recipient == who for seat in each.seats)]


def shift_membership(call: ApiCall, one: Shift) -> Json:
    owner = call.state.groups[one.group_id]
    links = _self(f"/groups/{owner.id}/shifts/{one.id}")
    return {"id": one.id, "name": one.name, "group": group_reference(owner), "links": links}


def absence(call: ApiCall, one: Absence) -> Json:
    state = call.state
    made: Json = {
        "id": one.id,
        "absenceType": one.word or ("VACANCY" if one.replacement is None else "REPLACEMENT"),
        "start": fine_moment(one.start),
        "end": moment(one.end),
        "member": person_reference(state.people[one.person_id]) | {"status": state.people[one.person_id].status},
        "links": _self(f"/temporary-absences/{one.id}"),
    }
    if one.group_id is not None:
        made["group"] = group_reference(state.groups[one.group_id])
    if one.replacement is not None:
        made["replacement"] = recipient(call, ("PERSON", one.replacement))
    return made


def service_reference(one: Service) -> Json:
    links = _self(f"/services/{one.id}")
    return {"id": one.id, "targetName": one.name, "recipientType": "SERVICE", "links": links}


def service_link(link: tuple[str, str]) -> Json:
    return {"label": link[0], "url": link[1]}


def service(call: ApiCall, one: Service) -> Json:
    made = service_reference(one) | {
        "description": one.description,
        "serviceType": "TECHNICAL",
        "serviceTier": one.tier,
        "externallyOwned": False,
        "status": "ACTIVE",
    }
    if one.links:
        made["serviceLinks"] = call.nested(one.links, service_link, f"/services/{one.id}/links")
    owner = call.state.groups.get(one.owner_id or "")
    if owner is not None:
        made["ownedBy"] = group_reference(owner)
    return made
