"""When two values have the same meaning, and when the fingerprint of a record changes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connectors.records import SourceMember, SourceService, SourceTeam
from connectors.zones.timezones import convert
from oncall.escalation.policy import Distribution, Level, Target
from oncall.rendering.codec import layers_to_json
from oncall.rendering.final import render_final
from oncall.rendering.spec import (
    VACANT,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    ScheduleSpec,
    Substitution,
    person,
)
from syncjobs.planning.canonical import Proposer, have_same_meaning, normalized
from syncjobs.planning.values import Proposal
from tests.syncjobs.conftest import NOW, layer, policy, schedule, user

AT = "2026-11-20T12:00:00Z"
proposer = Proposer(3, AT, {"responder": 1})


def rotation(anchor: int, length: int, people: tuple[str, ...]) -> Layer:
    return Layer("L", "L", (Daily(0, 86_400),), ByTime(anchor, length), tuple(person(p) for p in people))


@given(
    anchor=st.integers(0, 2_000_000_000),
    length=st.integers(1_800, 1_209_600),
    people=st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple),
    turns=st.integers(-500, 500),
)
def test_rotations_with_different_anchors_are_equal_if_they_render_equally(
    anchor: int, length: int, people: tuple[str, ...], turns: int
) -> None:
    moved_people = tuple(people[(index + turns) % len(people)] for index in range(len(people)))
    first, second = rotation(anchor, length, people), rotation(anchor + turns * length, length, moved_people)
    assert have_same_meaning("schedule", "layers", layers_to_json((first,)), layers_to_json((second,)), AT)
    since = 1_795_176_000
    specs = [ScheduleSpec("Europe/Paris", "stacked", (each,)) for each in (first, second)]
    assert render_final(specs[0], (), since, since + 4 * length) == render_final(
        specs[1], (), since, since + 4 * length
    )


@given(shift=st.integers(1, 3_599))
def test_a_moved_handoff_is_a_difference(shift: int) -> None:
    before, after = rotation(0, 3_600, ("a", "b")), rotation(shift, 3_600, ("a", "b"))
    assert not have_same_meaning("schedule", "layers", layers_to_json((before,)), layers_to_json((after,)), AT)


def test_the_time_of_the_last_save_and_ended_layers_are_no_difference() -> None:
    base = layers_to_json((layer("U1", "U2"),))
    saved = layers_to_json((layer("U1", "U2", starts_at=NOW - 30),))
    with_history = layers_to_json((layer("U1", "U2"), layer("U3", ends_at=NOW)))
    assert have_same_meaning("schedule", "layers", base, saved, AT)
    assert have_same_meaning("schedule", "layers", base, with_history, AT)
    future = layers_to_json((layer("U1", "U2", starts_at=NOW + 30),))
    assert not have_same_meaning("schedule", "layers", base, future, AT)


def test_addresses_compare_in_their_canonical_form() -> None:
    assert have_same_meaning("responder", "email", "Ana@Example.com", "ana@example.com", AT)
    assert not have_same_meaning("responder", "email", "ana@example.com", "bo@example.com", AT)
    assert normalized("responder", "email", "no address", AT) == "no address"


def test_equal_records_have_equal_fingerprints_whatever_the_order_of_sets() -> None:
    team = SourceTeam("T", "Team", members=(SourceMember("A", "x"), SourceMember("B", "y")))
    reordered = replace(team, members=tuple(reversed(team.members or ())), because=("service X",))
    assert proposer.propose(team).fingerprint == proposer.propose(reordered).fingerprint
    renamed = replace(team, name="Team ")
    assert proposer.propose(team).fingerprint != proposer.propose(renamed).fingerprint


def test_the_order_of_turns_is_part_of_the_fingerprint() -> None:
    first, second = schedule("S", "S", layer("A", "B")), schedule("S", "S", layer("B", "A"))
    assert proposer.propose(first).fingerprint != proposer.propose(second).fingerprint


def test_a_new_mapping_version_changes_every_fingerprint_of_its_kind() -> None:
    later = Proposer(3, AT, {"responder": 2})
    assert proposer.propose(user("U", "Ana")).fingerprint != later.propose(user("U", "Ana")).fingerprint
    team = SourceTeam("T", "Team")
    assert proposer.propose(team).fingerprint == later.propose(team).fingerprint


def test_a_field_that_is_not_reported_is_used_for_a_new_row_only() -> None:
    reported = proposer.propose(user("U", "Ana"))
    unreported = proposer.propose(user("U", "Ana", unreported=frozenset({"email", "state"})))
    assert set(reported.fields) - set(unreported.fields) == {"email", "state"}
    assert unreported.on_create == {"email": "ana@example.com", "state": "active"}
    assert unreported.email == reported.email
    unknown = proposer.propose(user("U", "Ana", time_zone=convert("Mars/Phobos")))
    assert ("time_zone" in unknown.fields, unknown.on_create) == (False, {"time_zone": ""})
    service = SourceService("V", "Web", group_id="T", policy_unreported=True)
    assert "policy_key" not in proposer.propose(service).fields
    assert proposer.propose(service).on_create == {"policy_key": ""}
    assert proposer.propose(replace(service, policy_unreported=False)).fields["policy_key"] == ""


def test_keys_carry_the_connection() -> None:
    proposal = proposer.propose(schedule("S", "S", layer("A"), group_ids=("T",)))
    assert proposal.key == "3:S"
    assert proposal.fields["group_keys"] == ["3:T"]
    assert proposal.fields["layers"]["layers"][0]["participants"] == ["person:3:A"]
    assert proposal.holders == {"3:A"}


def test_an_override_of_an_extra_shift_names_it_by_its_key_here() -> None:
    extra = ExtraShift("X1", NOW, NOW + 3600, person("A"))
    override = Override("O1", NOW, NOW + 3600, person("B"), sources=frozenset({"X1", "L1"}))
    proposal = proposer.propose(schedule("S", "S", layer("A"), extra_shifts=(extra,), overrides=(override,)))
    shifts, overrides = proposal.elements["extra_shifts"], proposal.elements["overrides"]
    assert shifts and overrides
    assert list(shifts) == ["3:S:X1"]
    assert overrides["3:S:O1"]["sources"] == ["3:S:X1", "L1"]


def test_an_unresolved_target_refers_to_its_later_object_and_keeps_its_label_if_its_kind_is_unknown() -> None:
    hidden = Target("unresolved", "S404", label="Secret", unresolved_kind="schedule")
    odd = Target("unresolved", "W1", label="Webhook", unresolved_kind="webhook")
    seen = Target("schedule", "S404", label="Renamed since")
    proposal = proposer.propose(policy("P", "P", hidden, odd))
    first, second = proposal.fields["levels"]["levels"][0]["targets"]
    assert (first["kind"], first["key"], first["label"]) == ("schedule", "3:S404", "Secret")
    assert (second["kind"], second["unresolved_kind"]) == ("unresolved", "webhook")
    arrived = proposer.propose(policy("P", "P", seen, odd))
    assert proposal.fingerprint == arrived.fingerprint
    assert have_same_meaning("escalation_policy", "levels", proposal.fields["levels"], arrived.fields["levels"], AT)


@given(st.permutations(["A", "B", "C"]), st.lists(st.sampled_from("ABC")))
def test_the_order_of_people_who_are_all_on_call_means_nothing(people: list[str], more: list[str]) -> None:
    first = schedule("S", "S", replace(layer("A", "B", "C"), turns=Everyone()))
    second = schedule("S", "S", replace(layer(*people, *more), turns=Everyone()))
    one, other = proposer.propose(first), proposer.propose(second)
    assert one.fingerprint == other.fingerprint
    assert have_same_meaning("schedule", "layers", one.fields["layers"], other.fields["layers"], AT)
    fewer = proposer.propose(schedule("S", "S", replace(layer("A", "B"), turns=Everyone())))
    assert fewer.fingerprint != one.fingerprint


@given(st.permutations(["A", "B", "C"]))
def test_the_order_of_targets_means_something_in_a_round_robin_only(keys: list[str]) -> None:
    def proposed(order: list[str], distribution: Distribution) -> Proposal:
        made = policy("P", "P")
        level = Level(30, distribution, tuple(Target("responder", key) for key in order))
        return proposer.propose(replace(made, policy=replace(made.policy, levels=(level,))))

    sorted_keys = sorted(keys)
    one, other = proposed(sorted_keys, "everyone"), proposed(keys, "everyone")
    assert one.fingerprint == other.fingerprint
    assert have_same_meaning("escalation_policy", "levels", one.fields["levels"], other.fields["levels"], AT)
    in_turn, moved = proposed(sorted_keys, "round_robin"), proposed(keys, "round_robin")
    assert (in_turn.fingerprint == moved.fingerprint) == (keys == sorted_keys)


def test_layers_without_turns_by_time_or_without_people_compare_as_they_are() -> None:
    monthly = replace(layer("A"), turns=ByTime(0, 1, "months"))
    for made in (monthly, layer()):
        stored = layers_to_json((made,))
        compared = normalized("schedule", "layers", stored, AT)
        assert compared["layers"][0]["participants"] == stored["layers"][0]["participants"]


def test_the_substitutions_of_a_person_are_elements_of_the_person() -> None:
    away = Substitution("A1", person("U"), VACANT, NOW, NOW + 60, groups=frozenset({"T"}))
    ana = replace(user("U", "Ana"), substitutions=(away,), notification_rules=None)
    elements = proposer.propose(ana).elements
    assert elements["notification_rules"] is None
    assert elements["substitutions"] == {
        "3:U:A1": {
            "by_key": "vacant",
            "scope": ["3:T"],
            "starts_at": "2026-11-20T12:00:00Z",
            "ends_at": "2026-11-20T12:01:00Z",
        }
    }


def test_a_schedule_that_is_switched_off_at_the_source_is_inactive_here() -> None:
    off = proposer.propose(schedule("S", "Nights", layer("A"), enabled=False))
    on = proposer.propose(schedule("S", "Nights", layer("A")))
    assert (off.fields["active"], on.fields["active"]) == (False, True)
    assert off.fingerprint != on.fingerprint


def test_a_policy_that_is_switched_off_at_the_source_is_inactive_here() -> None:
    on = policy("P", "Primary", Target("schedule", "S1"))
    off = replace(on, enabled=False)
    assert [proposer.propose(each).fields["active"] for each in (on, off)] == [True, False]
    assert proposer.propose(on).fingerprint != proposer.propose(off).fingerprint
