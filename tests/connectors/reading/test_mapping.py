"""The shared mapping: unresolved targets, policies that were not read, and reported shifts."""

from connectors.reading.findings import Findings, Vendor
from connectors.reading.mapping import finish, kept_of, members_by_id, spans
from connectors.records import SourceMember, SourcePolicy, SourceService
from oncall.escalation.policy import Level, Policy, Target, TargetKind
from oncall.rendering.final import Span
from oncall.rendering.spec import person

VENDOR = Vendor("toy", "Rota Toy")
KINDS: tuple[TargetKind, ...] = ("schedule", "group_routing", "user_group", "escalation_policy")
ANA, BO = person("ANA"), person("BO")
EMPTY = Level(5, "everyone", ())


def policy(id_: str, *targets: Target) -> SourcePolicy:
    levels = (Level(5, "everyone", targets), EMPTY)
    return SourcePolicy(id_, f"Policy {id_}", Policy(0, levels, 0, "nothing", "skip", "level"))


def test_targets_that_were_not_read_are_unresolved_and_people_never_are() -> None:
    findings = Findings(VENDOR)
    read = {("schedule", "1"), ("user_group", "1"), ("escalation_policy", "1")}
    targets = [Target(kind, id_, kind) for id_ in ("1", "2") for kind in KINDS]
    (finished,) = finish([policy("E1", *targets, Target("responder", "ANA"))], (), read, findings, path="policy")
    first, second = finished.policy.levels
    assert [target.kind for target in first.targets] == [*KINDS, *["unresolved"] * 4, "responder"]
    assert [target.unresolved_kind for target in first.targets] == [*[""] * 4, *KINDS, ""]
    assert second == EMPTY
    assert [(note.external_id, note.code) for note in findings.notes] == [("E1", "unresolved_target")] * 4
    assert "Level 1 of Policy E1 pages the user group user_group (2), which is not" in findings.notes[2].message


def test_a_service_keeps_a_policy_that_was_not_read_and_says_so() -> None:
    findings = Findings(VENDOR)
    services = [SourceService(f"V{n}", f"Service {n}", policy_id=id_) for n, id_ in enumerate((None, "E1", "E9"))]
    assert finish([policy("E1")], services, set(), findings, path="policy") == (policy("E1"),)
    (note,) = findings.notes
    assert (note.external_id, note.code, note.path) == ("V2", "policy_not_seen", "policy")


def test_what_is_kept_comes_with_its_reasons() -> None:
    kept = {("schedule", "S1"): ("service V",), ("service", "S2"): ()}
    assert list(kept_of(kept, "schedule", {"S1": "one", "S2": "two"})) == [("one", ("service V",))]


def test_told_shifts_become_spans_whatever_their_order() -> None:
    assert spans([]) == ()
    assert spans([(5, 20, (ANA,)), (0, 10, (person("ANA"),))]) == (Span(0, 20, (ANA,)),)
    assert spans([(5, 20, (BO,)), (0, 10, (ANA,)), (20, 20, (ANA,))]) == (
        Span(0, 5, (ANA,)),
        Span(5, 10, (ANA, BO)),
        Span(10, 20, (BO,)),
    )


def test_members_are_by_id_each_once_with_the_last_role() -> None:
    made = members_by_id([("B", "lead"), ("A", ""), ("B", "member")])
    assert made == (SourceMember("A", ""), SourceMember("B", "member"))
    assert members_by_id(None) is None
    assert members_by_id([]) == ()
