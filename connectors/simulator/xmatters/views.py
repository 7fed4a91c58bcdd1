"""The endpoints, one function each. ROUTES has the paths (below the root) and the right each needs."""

from collections.abc import Sequence
from typing import Any

from connectors.simulator.exchange import Answer
from connectors.simulator.routes import View, route
from connectors.simulator.xmatters import views_shifts
from connectors.simulator.xmatters.api_call import ApiCall, Refused
from connectors.simulator.xmatters.callers import ABSENCES, DEVICES, OPEN, READ
from connectors.simulator.xmatters.model import Person, Recipient
from connectors.simulator.xmatters.wire import (
    absence,
    device,
    group,
    membership,
    person,
    person_reference,
    recipient,
    role,
    service,
    service_link,
    service_reference,
    shift_membership,
    shifts_with,
    site,
    time_frame,
)
from connectors.simulator.zones import DAY

_ORDERS = ("ASCENDING", "DESCENDING")


def ping(call: ApiCall) -> Answer:
    """Answer without checking credentials."""
    return Answer(200, {"status": "OK"})


# People.


def people(call: ApiCall) -> Answer:
    found: Sequence[Person] = call.state.sorted_people()
    site_ids = call.listed("site")
    if site_ids:  # overrides every other filter
        names = {one.id: one.name for one in call.state.sites.values()}
        found = [one for one in found if one.site_id in site_ids or names.get(one.site_id or "") in site_ids]
        return call.page(found, lambda one: person(call, one), kept=("embed", "site"))
    status = call.word("status", ("ACTIVE", "INACTIVE"))
    order = call.word("sortOrder", _ORDERS)
    by = call.word("sortBy", ("FIRST_LAST_NAME", "TARGET_NAME", "STATUS", "WEB_LOGIN"))
    if by == "TARGET_NAME":
        found = sorted(found, key=lambda one: (one.target_name, one.id))
    if order == "DESCENDING":
        found = found[::-1]
    wanted = {name: call.request.one(name) for name in ("targetName", "webLogin", "firstName", "lastName")}
    attributes = {"targetName": "target_name", "webLogin": "web_login", "firstName": "first_name"}
    attributes["lastName"] = "last_name"
    search = (call.request.one("search") or "").casefold()
    mail = call.request.one("emailAddress")
    if mail is not None:
        owners = {one.owner_id for one in call.state.devices.values() if one.address.casefold() == mail.casefold()}
        found = [one for one in found if one.id in owners]
    found = [
        one
        for one in found
        if status in (None, one.status)
        and all(text in (None, getattr(one, attributes[name])) for name, text in wanted.items())
        and search in f"{one.first_name} {one.last_name} {one.target_name}".casefold()
    ]
    kept = ("embed", "status", "search", "sortBy", "sortOrder", "emailAddress", *wanted)
    return call.page(found, lambda one: person(call, one), kept=kept)


def one_person(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, person(call, call.person(identifier)))


def person_roles(call: ApiCall, identifier: str) -> Answer:
    return call.page(call.person(identifier).roles, lambda name: role(call, name))


def person_supervisors(call: ApiCall, identifier: str) -> Answer:
    return call.page(call.person(identifier).supervisors, lambda key: person_reference(call.state.people[key]))


def person_devices(call: ApiCall, identifier: str) -> Answer:
    found = call.state.devices_of(call.person(identifier).id)
    return call.page(found, lambda one: device(call, one))


def person_memberships(call: ApiCall, identifier: str) -> Answer:
    """Answer with the direct group memberships of a person and of the person's devices."""
    one = call.person(identifier)
    own: list[Recipient] = [("PERSON", one.id), *(("DEVICE", each.id) for each in call.state.devices_of(one.id))]
    found = [
        (each, who)
        for each in call.state.sorted_groups()
        if call.sees(each) and each.type != "DYNAMIC"
        for who in call.state.roster(each)
        if who in own
    ]
    return call.page(found, lambda pair: membership(call, *pair))


def devices(call: ApiCall) -> Answer:
    status = call.word("deviceStatus", ("ACTIVE", "INACTIVE"))
    kinds, names = call.listed("deviceType"), call.listed("deviceNames")
    call.word("phoneNumberFormat", ("E164", "COUNTRY_CODE"))
    found = [
        one
        for one in call.state.sorted_devices()
        if status in (None, one.status) and (not kinds or one.type in kinds) and (not names or one.name in names)
    ]
    kept = ("embed", "deviceStatus", "deviceType", "deviceNames", "phoneNumberFormat")
    return call.page(found, lambda one: device(call, one), kept=kept)


def one_device(call: ApiCall, identifier: str) -> Answer:
    if identifier not in call.state.devices:
        raise Refused(404)
    return Answer(200, device(call, call.state.devices[identifier]))


def device_time_frames(call: ApiCall, identifier: str) -> Answer:
    if identifier not in call.state.devices:
        raise Refused(404)
    return call.page(call.state.devices[identifier].time_frames, time_frame)


# Groups.


def groups(call: ApiCall) -> Answer:
    kind = call.word("groupType", ("ON_CALL", "BROADCAST", "DYNAMIC"))
    status = call.word("status", ("ACTIVE", "INACTIVE"))
    search = (call.request.one("search") or "").casefold()
    members = set(call.listed("members"))
    found = [
        one
        for one in call.state.sorted_groups()
        if call.sees(one)
        and kind in (None, one.type)
        and status in (None, one.status)
        and search in f"{one.name} {one.description}".casefold()
        and (not members or members & {key for _, key in call.state.roster(one)})
    ]
    kept = ("embed", "groupType", "status", "search", "members")
    return call.page(found, lambda one: group(call, one), kept=kept)


def one_group(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, group(call, call.group(identifier)))


def group_members(call: ApiCall, identifier: str) -> Answer:
    one = call.group(identifier)
    found = [] if one.type == "DYNAMIC" else call.state.roster(one)
    return call.page(found, lambda who: membership(call, one, who))


def member_shifts(call: ApiCall, identifier: str, member: str) -> Answer:
    one = call.group(identifier)
    found = [each for who in call.state.roster(one) if who[1] == member for each in shifts_with(call, one, who)]
    return call.page(found, lambda each: shift_membership(call, each))


def group_recipients(call: ApiCall, identifier: str) -> Answer:
    """Answer with the recipients of a group; for a dynamic group these are its people."""
    found = call.state.roster(call.group(identifier))
    return call.page(found, lambda who: recipient(call, who))


def group_supervisors(call: ApiCall, identifier: str) -> Answer:
    return call.page(call.group(identifier).supervisors, lambda key: person_reference(call.state.people[key]))


def group_observers(call: ApiCall, identifier: str) -> Answer:
    return call.page(call.group(identifier).observers, lambda name: role(call, name))


def group_services(call: ApiCall, identifier: str) -> Answer:
    one = call.group(identifier)
    found = [each for each in call.state.sorted_services() if each.owner_id == one.id]
    return call.page(found, service_reference)


# Absences, sites, roles, services.


def temporary_absences(call: ApiCall) -> Answer:
    """Answer with current and future absences, from a day ago at the earliest to 90 days ahead at the latest."""
    since, until = call.moment("from"), call.moment("to")
    if since is not None and since < call.now - DAY:
        raise Refused(400, "from may lie one day in the past at most")
    if until is not None and until > call.now + 90 * DAY:
        raise Refused(400, "to may lie 90 days in the future at most")
    who, where = call.request.one("member"), set(call.listed("groups"))
    kind = call.word("absenceType", ("VACANCY", "REPLACEMENT"))
    found = [
        one
        for one in sorted(call.state.absences.values(), key=lambda one: (one.start, one.id))
        if one.end > (call.now if since is None else since)
        and (until is None or one.start < until)
        and (who is None or who in (one.person_id, call.state.people[one.person_id].target_name))
        and (not where or one.group_id is None or one.group_id in where)
        and kind in (None, "VACANCY" if one.replacement is None else "REPLACEMENT")
    ]
    kept = ("member", "groups", "absenceType", "from", "to")
    return call.page(found, lambda one: absence(call, one), kept=kept)


def sites(call: ApiCall) -> Answer:
    if call.state.habits.sites_refused:
        raise Refused(403)
    return call.page(sorted(call.state.sites.values(), key=lambda one: one.name), site)


def one_site(call: ApiCall, identifier: str) -> Answer:
    if identifier not in call.state.sites:
        raise Refused(404)
    return Answer(200, site(call.state.sites[identifier]))


def roles(call: ApiCall) -> Answer:
    return call.page(sorted(call.state.roles), lambda name: role(call, name))


def services(call: ApiCall) -> Answer:
    if call.state.services_refused is not None:
        raise Refused(call.state.services_refused)
    owners = set(call.listed("ownedBy"))
    found = [one for one in call.state.sorted_services() if not owners or one.owner_id in owners]
    return call.page(found, lambda one: service(call, one), kept=("embed", "ownedBy"))


def one_service(call: ApiCall, identifier: str) -> Answer:
    if call.state.services_refused is not None:
        raise Refused(call.state.services_refused)
    if identifier not in call.state.services:
        raise Refused(404)
    return Answer(200, service(call, call.state.services[identifier]))


def service_links(call: ApiCall, identifier: str) -> Answer:
    if identifier not in call.state.services:
        raise Refused(404)
    return call.page(call.state.services[identifier].links, service_link)


def service_dependencies(call: ApiCall) -> Answer:
    if call.state.services_refused is not None:
        raise Refused(call.state.services_refused)
    known = call.state.services

    def written(pair: tuple[str, str]) -> dict[str, Any]:
        service_ref, dependent = service_reference(known[pair[0]]), service_reference(known[pair[1]])
        return {"id": f"{pair[0]}-{pair[1][:8]}", "service": service_ref, "dependentService": dependent}

    return call.page([pair for pair in call.state.dependencies if set(pair) <= set(known)], written)


_SHIFT = "/groups/{id}/shifts/{id}"
_PATHS: tuple[tuple[str, str, View], ...] = (
    ("/ping", OPEN, ping),
    ("/people", READ, people),
    ("/people/{id}", READ, one_person),
    ("/people/{id}/roles", READ, person_roles),
    ("/people/{id}/supervisors", READ, person_supervisors),
    ("/people/{id}/devices", DEVICES, person_devices),
    ("/people/{id}/group-memberships", READ, person_memberships),
    ("/devices", DEVICES, devices),
    ("/devices/{id}", DEVICES, one_device),
    ("/devices/{id}/timeframes", DEVICES, device_time_frames),
    ("/groups", READ, groups),
    ("/groups/{id}", READ, one_group),
    ("/groups/{id}/members", READ, group_members),
    ("/groups/{id}/members/{id}/shifts", READ, member_shifts),
    ("/groups/{id}/recipients", READ, group_recipients),
    ("/groups/{id}/supervisors", READ, group_supervisors),
    ("/groups/{id}/observers", READ, group_observers),
    ("/groups/{id}/services", READ, group_services),
    ("/groups/{id}/shifts", READ, views_shifts.shifts),
    ("/groups/{id}/occurrences", READ, views_shifts.group_occurrences),
    (_SHIFT, READ, views_shifts.one_shift),
    (_SHIFT + "/members", READ, views_shifts.shift_members),
    (_SHIFT + "/exclusions", READ, views_shifts.shift_exclusions),
    (_SHIFT + "/occurrences/{id}/members", READ, views_shifts.occurrence_members),
    (_SHIFT + "/occurrences/{id}/members/{id}/replacements", READ, views_shifts.occurrence_replacements),
    ("/on-call", READ, views_shifts.on_call),
    ("/on-call-summary", READ, views_shifts.on_call_summary),
    ("/temporary-absences", ABSENCES, temporary_absences),
    ("/sites", READ, sites),
    ("/sites/{id}", READ, one_site),
    ("/roles", READ, roles),
    ("/services", READ, services),
    ("/services/{id}", READ, one_service),
    ("/services/{id}/links", READ, service_links),
    ("/service-dependencies", READ, service_dependencies),
)
ROUTES = tuple(route(*row) for row in _PATHS)
