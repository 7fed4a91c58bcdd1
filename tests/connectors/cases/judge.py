"""Judges what ``replay --json`` printed by one statement of a case. The README of the cases explains the statements."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

Document = Mapping[str, Any]
Statement = Mapping[str, Any]


def holds(statement: Statement, printed: Document) -> bool:
    """Whether the statement is true of the document. Raises KeyError for a statement of an unknown kind."""
    (judge,) = (judge for key, judge in _JUDGES.items() if key in statement)
    return judge(statement, printed)


def _all(statement: Statement, printed: Document) -> bool:
    return all(holds(each, printed) for each in statement["all"])


def _any(statement: Statement, printed: Document) -> bool:
    return any(holds(each, printed) for each in statement["any"])


def _schedule(statement: Statement, printed: Document) -> bool:
    found = _by_id(printed["schedules"], statement["schedule"])
    if statement.get("refused"):
        no_shifts = found is None or not found["active"] or not found["shifts"]
        return no_shifts and _is_named(statement["schedule"], printed)
    if found is None:
        return False
    exact = all(_on_call(found, at) == set(people) for at, people in statement.get("on_call", {}).items())
    absent = all(not _on_call(found, at) & set(people) for at, people in statement.get("not_on_call", {}).items())
    return exact and absent


def _on_call(schedule: Mapping[str, Any], at: str) -> set[str]:
    instant = datetime.fromisoformat(at)
    return {
        participant
        for shift in schedule["shifts"]
        if datetime.fromisoformat(shift["start"]) <= instant < datetime.fromisoformat(shift["end"])
        for participant in shift["participants"]
    }


def _person(statement: Statement, printed: Document) -> bool:
    found = _by_id(printed["people"], statement["person"])
    if found is None:
        return False
    methods = found["contact_methods"]
    if "contact_methods" in statement:
        return all(any(expected.items() <= method.items() for method in methods) for expected in
                   statement["contact_methods"])  # fmt: skip
    dialled = [each for each in methods if each["channel"] in ("sms", "voice") and each["enabled"]]
    numbers = {each["address"] for each in dialled if each["address"]}
    if not numbers:
        return _is_named(statement["person"], printed)
    extension = statement.get("extension")
    apart = any(each.get("extension") == extension for each in dialled)
    named = any(extension in note for note in printed["notes"]) if extension else True
    return numbers == {statement["phone"]} and (apart or named)


def _group(statement: Statement, printed: Document) -> bool:
    found = _by_id(printed["groups"], statement["group"])
    members = set() if found is None else {member["external_id"] for member in found["members"]}
    return set(statement["members"]) <= members


def _policy(statement: Statement, printed: Document) -> bool:
    found = _by_id(printed["policies"], statement["policy"])
    levels = () if found is None else found["levels"]
    targets = [[target["type"], target["external_id"]] for level in levels for target in level["targets"]]
    return sorted(targets) == sorted(statement["targets"])


def _listed(kind: str) -> Callable[[Statement, Document], bool]:
    def judge(statement: Statement, printed: Document) -> bool:
        return set(statement[kind]) <= {each["external_id"] for each in printed[kind]}

    return judge


def _services(statement: Statement, printed: Document) -> bool:
    return {each["external_id"] for each in printed["services"]} == set(statement["services"])


def _named(statement: Statement, printed: Document) -> bool:
    return _is_named(statement["named"], printed)


def _is_named(external_id: str, printed: Document) -> bool:
    failed = any(each["external_id"] == external_id for each in printed["failed"])
    return failed or any(note.split(":")[0].split(" ")[1:] == [external_id] or external_id in note
                         for note in printed["notes"])  # fmt: skip


def _listing_named(statement: Statement, printed: Document) -> bool:
    kind = statement["listing_named"]
    failed = any(each["external_id"] is None and each["entity_type"] == kind for each in printed["failed"])
    return failed or any(note.startswith(f"{kind}:") for note in printed["notes"])


def _failed(statement: Statement, printed: Document) -> bool:
    return list(printed["failed"]) == list(statement["failed"])


def _by_id(records: list[dict[str, Any]], external_id: str) -> dict[str, Any] | None:
    return next((each for each in records if each["external_id"] == external_id), None)


_JUDGES: Final[Mapping[str, Callable[[Statement, Document], bool]]] = {
    "all": _all,
    "any": _any,
    "schedule": _schedule,
    "person": _person,
    "group": _group,
    "policy": _policy,
    "people": _listed("people"),
    "groups": _listed("groups"),
    "services": _services,
    "named": _named,
    "listing_named": _listing_named,
    "failed": _failed,
}
