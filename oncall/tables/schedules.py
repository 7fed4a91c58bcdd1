"""The tables of schedules, and the checks of their values."""

from collections.abc import Iterator

from oncall.aggregates import AGGREGATES, Kind, Values
from oncall.errors import InvalidDraft
from oncall.models import ExtraShift, Override, Schedule
from oncall.models.root import KEY_LENGTH
from oncall.rendering.codec import layers_from_json, participant_from_text
from oncall.rendering.spec import InvalidSpec, ParticipantKind, ScheduleSpec
from oncall.rendering.validation import validate
from oncall.tables.base import PERSON, Elements, KeyColumn, KeyUse, Roots
from oncall.tables.people import check_keys, check_known_zone, check_name, check_range, check_stand_in

#: The kind of row that a participant's key identifies. A group's routing belongs to the group. A vacant place and an
#: unknown holder have no row.
ROW_OF_PARTICIPANT: dict[ParticipantKind, Kind] = {
    "person": "responder",
    "group": "user_group",
    "group_routing": "user_group",
    "policy": "escalation_policy",
}
_COLLECTIONS = {c.name: c for c in AGGREGATES["schedule"].collections}
_ANY_ZONE = "UTC"  # used to check the layers of a schedule whose time zone is not known


def _check(values: Values) -> None:
    check_name(values)
    keys = values["group_keys"]
    if not isinstance(keys, list) or not all(isinstance(key, str) and 0 < len(key) <= KEY_LENGTH for key in keys):
        raise InvalidDraft("group_keys", "is not a list of keys")
    zone = values["time_zone"]
    if values["zone_state"] == "ok":
        check_known_zone("time_zone", zone)
    elif values["active"]:
        raise InvalidDraft("active", "a schedule whose time zone is not known must be inactive")
    else:
        zone = _ANY_ZONE
    try:
        layers = layers_from_json(values["layers"])
        validate(ScheduleSpec(zone=zone, composition=values["composition"], layers=layers))
    except InvalidSpec as wrong:
        raise InvalidDraft(wrong.path, wrong.message) from wrong
    if len({layer.key for layer in layers}) != len(layers):
        raise InvalidDraft("layers", "two layers have the same key")


def _find_keys(values: Values) -> Iterator[KeyUse]:
    for layer in values["layers"]["layers"]:
        for slot, text in enumerate(layer["participants"]):
            participant = participant_from_text(text)
            kind = ROW_OF_PARTICIPANT.get(participant.kind)
            if kind is not None:
                yield KeyUse(f"layers/{layer['key']}/{slot}", kind, participant.id)


def _check_override(values: Values) -> None:
    check_range(values)
    check_stand_in("by_key", values["by_key"])
    check_keys("sources", values["sources"])
    if values["replaces"]:
        try:
            participant_from_text(values["replaces"])
        except InvalidSpec as unknown:
            raise InvalidDraft("replaces", unknown.message) from None


def _check_extra_shift(values: Values) -> None:
    check_range(values)
    check_stand_in("by_key", values["by_key"])


_BY = KeyColumn("by_key", "by", "responder", PERSON)
SCHEDULES = Roots(
    kind="schedule",
    model=Schedule,
    fields=AGGREGATES["schedule"].fields,
    keys=(KeyColumn("group_key", "group", "user_group"),),
    check=_check,
    keys_field="layers",
    find_keys=_find_keys,
    reference_owner="owner_schedule",
    united=False,
    elements={
        "extra_shifts": Elements(
            model=ExtraShift,
            fields=_COLLECTIONS["extra_shifts"].fields,
            owner="schedule",
            keys=(_BY,),
            check=_check_extra_shift,
        ),
        "overrides": Elements(
            model=Override,
            fields=_COLLECTIONS["overrides"].fields,
            owner="schedule",
            keys=(_BY, KeyColumn("replaces", "replaced", "responder", PERSON)),
            check=_check_override,
        ),
    },
)
