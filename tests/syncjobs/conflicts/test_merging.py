"""A merge lasts: later saves, and later syncs of either source, keep it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.records import SourceMember, SourceService, SourceTeam
from connectors.zones.timezones import convert
from oncall.aggregates import AGGREGATES, Draft, ElementChanges, Kind
from oncall.errors import InvalidDraft
from oncall.escalation.policy import Target
from oncall.models import (
    ChangeRecord,
    ContactMethod,
    EscalationPolicy,
    GroupLead,
    GroupMember,
    Override,
    Reference,
    Responder,
    Schedule,
    Service,
    Substitution,
    UserGroup,
)
from oncall.operations import create_account, grant_lead, link_account, write
from oncall.rendering.spec import Override as SourceOverride
from oncall.rendering.spec import person
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.merging import merge_rows
from syncjobs.models import Conflict, ExternalLink, LinkState, RunState, SyncItem
from syncjobs.runs.stored.references import repair_references
from tests.syncjobs.conftest import BY, NOW, Sync, contents, edit, layer, policy, schedule, user, world

pytestmark = pytest.mark.django_db

#: Kind -> the id of the object that is merged, in both sources.
OBJECTS: dict[Kind, str] = {
    "responder": "U1",
    "user_group": "T1",
    "schedule": "S1",
    "escalation_policy": "P1",
    "service": "V1",
}


def override(id_: str, holder: str = "U3") -> SourceOverride:
    return SourceOverride(id_, NOW + 86_400, NOW + 2 * 86_400, person(holder))


def other_world() -> Any:
    """A world with the same ids and other people and names."""
    return replace(
        world(),
        users=(user("U1", "Ann"), user("U2", "Bob"), user("U3", "Cyd")),
        teams=(SourceTeam("T1", "Core", members=(SourceMember("U1", "manager"), SourceMember("U3", "responder"))),),
        schedules=(schedule("S1", "Rota", layer("U2", "U1"), overrides=(override("O2"),)),),
        policies=(policy("P1", "Fallback", Target("schedule", "S1"), Target("responder", "U1"), group_id="T1"),),
        services=(SourceService("V1", "Till", policy_id="P1", group_id="T1"),),
    )


class Two:
    """Two connected sources, A and B, with their worlds imported."""

    def __init__(self) -> None:
        self.a = Sync()
        self.a.connection.name = "a"
        self.a.connection.save()
        self.a.source.change(
            schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1"), overrides=(override("O1"),)),)
        )
        self.b = Sync()
        self.b.source.snapshot = other_world()
        self.sync()

    def sync(self) -> None:
        for each in (self.a, self.b):
            run = each.run()
            assert (run.state, run.reason) == (RunState.SUCCEEDED, "")

    def link(self, sync: Sync, kind: Kind, external_id: str = "") -> ExternalLink:
        return ExternalLink.objects.get(
            connection=sync.connection, entity_type=kind, external_id=external_id or OBJECTS[kind]
        )

    def row(self, sync: Sync, kind: Kind, external_id: str = "") -> int:
        row_id = self.link(sync, kind, external_id).row_id
        assert row_id is not None
        return row_id

    def merge(self, kind: Kind, *, keep: str) -> tuple[int, int]:
        """Merges the row of A into the row of B. keep: the source whose values are kept. Returns both rows."""
        loser, into = self.row(self.a, kind), self.row(self.b, kind)
        merge_rows(kind, loser, into, by=BY, values=loser if keep == "a" else None)
        return loser, into


@pytest.fixture
def two(db: None) -> Two:
    return Two()


def name_of(kind: Kind, row_id: int) -> str:
    return str(ROOTS[kind].rows.get(pk=row_id).name)


RENAMED: dict[Kind, Callable[[Any], dict[str, Any]]] = {
    "responder": lambda s: {"users": (replace(s.users[0], name="Renamed"), *s.users[1:])},
    "user_group": lambda s: {"teams": (replace(s.teams[0], name="Renamed"),)},
    "schedule": lambda s: {"schedules": (replace(s.schedules[0], name="Renamed"),)},
    "escalation_policy": lambda s: {"policies": (replace(s.policies[0], name="Renamed"),)},
    "service": lambda s: {"services": (replace(s.services[0], name="Renamed"),)},
}
every_kind = pytest.mark.parametrize("kind", list(AGGREGATES))
either_kept = pytest.mark.parametrize("keep", ["a", "b"])
either_strategy = pytest.mark.parametrize("strategy", ["ask", "source"])


def expect_merged(kind: Kind, loser: int, into: int) -> None:
    gone = ROOTS[kind].rows.get(pk=loser)
    assert (gone.active, gone.merged_into_id) == (False, into)
    assert ROOTS[kind].rows.get(pk=into).active


@either_strategy
@either_kept
@every_kind
def test_unchanged_sources_write_nothing_after_a_merge(two: Two, kind: Kind, keep: str, strategy: str) -> None:
    for each in (two.a, two.b):
        each.rules(strategy=strategy)
    two.sync()
    kept = name_of(kind, two.row(two.a if keep == "a" else two.b, kind))
    loser, into = two.merge(kind, keep=keep)
    assert name_of(kind, into) == kept
    two.sync()
    expect_merged(kind, loser, into)
    assert name_of(kind, into) == kept
    before, items = contents(), SyncItem.objects.count()
    two.sync()
    assert contents() == before
    assert SyncItem.objects.count() == items
    assert repair_references() == 0


@either_strategy
@either_kept
@every_kind
def test_a_changed_source_writes_only_what_it_owns(two: Two, kind: Kind, keep: str, strategy: str) -> None:
    loser, into = two.merge(kind, keep=keep)
    for each in (two.a, two.b):
        each.rules(strategy=strategy)
    two.sync()
    writer, other = (two.a, two.b) if keep == "a" else (two.b, two.a)
    before = name_of(kind, into)
    other.source.change(**RENAMED[kind](other.source.snapshot))
    two.sync()
    assert name_of(kind, into) == before
    writer.source.change(**RENAMED[kind](writer.source.snapshot))
    two.sync()
    assert name_of(kind, into) == "Renamed"
    expect_merged(kind, loser, into)
    assert not Conflict.objects.filter(state="open", kind="both_edited").exists()
    before_again = contents()
    two.sync()
    assert contents() == before_again


@either_kept
@every_kind
def test_a_save_here_is_kept_after_a_merge(two: Two, kind: Kind, keep: str) -> None:
    loser, into = two.merge(kind, keep=keep)
    edit(kind, ROOTS[kind].rows.get(pk=into), name="Edited here")
    two.sync()
    assert name_of(kind, into) == "Edited here"
    expect_merged(kind, loser, into)


@every_kind
def test_rows_are_merged_twice(two: Two, kind: Kind) -> None:
    third = Sync.__new__(Sync)
    first_name, two.b.connection.name = two.b.connection.name, "b"
    two.b.connection.save()
    third.__init__()  # type: ignore[misc]
    assert third.connection.name == first_name
    third.source.snapshot = replace(other_world(), users=(user("U1", "Eva"), user("U2", "Fay"), user("U3", "Gil")))
    assert third.run().state == RunState.SUCCEEDED
    loser, into = two.merge(kind, keep="b")
    last = two.row(third, kind)
    merge_rows(kind, into, last, by=BY)
    two.sync()
    assert third.run().state == RunState.SUCCEEDED
    gone = ROOTS[kind].rows.filter(pk__in=[loser, into])
    assert set(gone.values_list("active", "merged_into")) == {(False, last)}
    before = contents()
    two.sync()
    third.run()
    assert contents() == before
    assert repair_references() == 0


@either_kept
def test_people_have_the_elements_of_both_sources(two: Two, keep: str) -> None:
    loser, into = two.merge("responder", keep=keep)
    methods = ContactMethod.objects.filter(responder=into)
    assert set(methods.values_list("address", flat=True)) == {"ana@example.com", "ann@example.com"}
    assert Responder.objects.get(pk=into).email == ("ana@example.com" if keep == "a" else "ann@example.com")
    for each in (two.a, two.b):
        ana = each.source.snapshot.users[0]
        phone = replace(ana.contact_methods[0], external_id="CNEW", channel="sms", address="+4930123456")
        each.source.change(
            users=(replace(ana, contact_methods=(*ana.contact_methods, phone)), *each.source.snapshot.users[1:])
        )
    two.sync()
    assert methods.count() == 4
    for each in (two.a, two.b):
        ana = each.source.snapshot.users[0]
        each.source.change(
            users=(replace(ana, contact_methods=ana.contact_methods[1:]), *each.source.snapshot.users[1:])
        )
    two.sync()
    assert list(methods.values_list("channel", flat=True)) == ["sms", "sms"]
    assert not ContactMethod.objects.filter(responder=loser).exists()


@either_kept
def test_groups_have_the_members_of_both_sources(two: Two, keep: str) -> None:
    loser, into = two.merge("user_group", keep=keep)
    assert GroupMember.objects.filter(group=into).count() == 4
    for each in (two.a, two.b):
        each.source.change(teams=(replace(each.source.snapshot.teams[0], members=(SourceMember("U2", "manager"),)),))
    two.sync()
    members = GroupMember.objects.filter(group=into)
    assert sorted(members.values_list("responder__name", flat=True)) == ["Bo", "Bob"]
    assert not GroupMember.objects.filter(group=loser).exists()


@either_kept
def test_a_schedule_has_the_overrides_of_the_source_whose_values_are_kept(two: Two, keep: str) -> None:
    loser, into = two.merge("schedule", keep=keep)
    writer, other = (two.a, two.b) if keep == "a" else (two.b, two.a)

    def holders(row: int) -> list[str]:
        return list(Override.objects.filter(schedule=row).order_by("pk").values_list("by__name", flat=True))

    writers, others = ("Cy", "Cyd") if keep == "a" else ("Cyd", "Cy")
    assert (holders(into), holders(loser)) == ([writers], [others])
    assert two.link(writer, "schedule").row_id == into
    ignored = two.link(other, "schedule")
    assert (ignored.row_id, ignored.state, ignored.ignored_reason) == (loser, LinkState.IGNORED, "merged")
    for each in (two.a, two.b):
        one = each.source.snapshot.schedules[0]
        each.source.change(schedules=(replace(one, overrides=(*one.overrides, override("ONEW", "U2"))),))
    two.sync()
    assert (len(holders(into)), holders(loser)) == (2, [others])


@pytest.mark.parametrize("keep", ["a", "b"])
def test_keys_of_a_merged_row_are_those_of_the_row_it_became(two: Two, keep: str) -> None:
    for kind in OBJECTS:
        two.merge(kind, keep=keep)
    into: dict[str, int] = {kind: two.link(two.b, kind).row_id or 0 for kind in ("responder", "user_group")}
    into |= {
        kind: ROOTS[kind].rows.get(merged_into=None, pk__in=[two.row(two.a, kind), two.row(two.b, kind)]).pk
        for kind in ("schedule", "escalation_policy")
    }

    def check() -> None:
        for each in (two.a, two.b):
            own = f"{each.connection.pk}:"
            for kind, row in into.items():
                references = Reference.objects.filter(kind=kind, key=own + OBJECTS[kind])  # type: ignore[index]
                assert set(references.values_list(kind, flat=True)) <= {row}
            member = GroupMember.objects.get(person_key=f"{own}U1")
            assert (member.responder_id, member.group_id) == (into["responder"], into["user_group"])
        assert set(Schedule.objects.exclude(group=None).values_list("group", flat=True)) <= {into["user_group"]}
        policies = EscalationPolicy.objects.exclude(group=None).values_list("group", flat=True)
        assert set(policies) == {into["user_group"]}
        services = Service.objects.exclude(policy_key="").values_list("policy", "group")
        assert set(services) == {(into["escalation_policy"], into["user_group"])}

    check()
    Reference.objects.update(responder=None, user_group=None, schedule=None, escalation_policy=None)
    GroupMember.objects.update(responder=None)
    EscalationPolicy.objects.update(group=None)
    Service.objects.update(policy=None)
    assert repair_references() > 0
    assert not Reference.objects.filter(**dict.fromkeys(Reference.Kind.values)).exists()
    check()
    for each in (two.a, two.b):  # writes every key again
        each.source.change(
            schedules=(replace(each.source.snapshot.schedules[0], layers=(layer("U1"),)),),
            policies=(policy("P1", "New", Target("responder", "U1"), Target("schedule", "S1"), group_id="T1"),),
        )
    two.sync()
    check()


def test_replacements_name_the_person_they_became(two: Two) -> None:
    loser, into = two.row(two.a, "responder"), two.row(two.b, "responder")
    key = f"person:{two.a.connection.pk}:U1"
    schedule_id = two.row(two.a, "schedule")
    starts, ends = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"
    Override.objects.create(schedule_id=schedule_id, starts_at=starts, ends_at=ends, by_key=key, by_id=loser)
    cy = two.row(two.a, "responder", "U3")
    Substitution.objects.create(responder_id=cy, starts_at=starts, ends_at=ends, by_key=key, by_id=loser)
    merge_rows("responder", loser, into, by=BY)
    assert Override.objects.get(by_key=key).by_id == Substitution.objects.get(by_key=key).by_id == into


def test_a_person_made_here_keeps_the_own_values_under_overwrite(two: Two) -> None:
    """Its first link becomes the one that writes, and fields that differ from the source are pinned."""
    two.a.rules(strategy="source")
    two.sync()
    here = Responder.objects.create(name="Ana Here", name_key="ana here", time_zone="Europe/Paris", state="active")
    loser = two.row(two.a, "responder")
    merge_rows("responder", loser, here.pk, by=BY)
    link = two.link(two.a, "responder")
    assert (link.row_id, link.primary, link.pins) == (here.pk, True, {"name": "ask", "email": "ask"})
    here.refresh_from_db()
    assert here.origin_label == Responder.objects.get(pk=loser).origin_label != ""
    two.sync()
    before = contents()
    two.sync()
    assert contents() == before
    here.refresh_from_db()
    assert (here.name, here.email, here.active) == ("Ana Here", "", True)
    ana, *rest = two.a.source.snapshot.users
    two.a.source.change(users=(replace(ana, name="Ana K.", title="SRE"), *rest))
    two.sync()
    here.refresh_from_db()
    assert (here.name, here.title) == ("Ana Here", "SRE")
    assert Conflict.objects.get(state="open", kind="both_edited").paths == ["name"]


def test_the_account_of_a_merged_person_moves(two: Two) -> None:
    account = create_account("ana@corp.example", by=BY)
    loser, into = two.row(two.a, "responder"), two.row(two.b, "responder")
    link_account(loser, account.pk, BY)
    merge_rows("responder", loser, into, by=BY)
    assert Responder.objects.get(account=account).pk == into
    changes = ChangeRecord.objects.filter(object_id__in=[loser, into], model="responder").order_by("-pk")[:2]
    assert {c.object_id: c.changes["account"] for c in changes} == {loser: [account.pk, None], into: [None, account.pk]}


def test_leads_of_a_merged_group_move_once(two: Two) -> None:
    both, one = (create_account(f"{name}@corp.example", by=BY) for name in ("both", "one"))
    loser, into = two.row(two.a, "user_group"), two.row(two.b, "user_group")
    for account, group in ((both, loser), (both, into), (one, loser)):
        grant_lead(account.pk, group, BY)
    merge_rows("user_group", loser, into, by=BY)
    assert sorted(GroupLead.objects.values_list("account", "group")) == sorted([(both.pk, into), (one.pk, into)])
    record = ChangeRecord.objects.filter(model="user_group", object_id=into).latest("pk")
    assert {path: change for path, change in record.changes.items() if path.startswith("leads.")} == {
        "leads.one@corp.example": [None, True]
    }
    left = ChangeRecord.objects.filter(model="user_group", object_id=loser).latest("pk").changes
    assert {path: change for path, change in left.items() if path.startswith("leads.")} == {
        f"leads.{name}@corp.example": [True, None] for name in ("both", "one")
    }
    late = create_account("late@corp.example", by=BY)
    grant_lead(late.pk, loser, BY)
    assert GroupLead.objects.get(account=late).group_id == into


def two_accounts(two: Two) -> tuple[Kind, int, int, int | None]:
    for name, sync in (("a", two.a), ("b", two.b)):
        link_account(two.row(sync, "responder"), create_account(f"{name}@corp.example", by=BY).pk, BY)
    return "responder", two.row(two.a, "responder"), two.row(two.b, "responder"), None


def part_of_the_other(two: Two) -> tuple[Kind, int, int, int | None]:
    part, whole = two.row(two.a, "escalation_policy"), two.row(two.b, "escalation_policy")
    edit("escalation_policy", EscalationPolicy.objects.get(pk=part), part_of_key=f"local:{whole}")
    return "escalation_policy", part, whole, None


def whole_of_the_other(two: Two) -> tuple[Kind, int, int, int | None]:
    kind, part, whole, _ = part_of_the_other(two)
    return kind, whole, part, whole


def merged_before(two: Two) -> tuple[Kind, int, int, int | None]:
    merge_rows("service", two.row(two.a, "service"), two.row(two.b, "service"), by=BY)
    loser = Service.objects.exclude(merged_into=None).get()
    return "service", loser.pk, loser.merged_into_id or 0, None


REFUSED: dict[str, Callable[[Two], tuple[Kind, int, int, int | None]]] = {
    "itself": lambda two: ("service", two.row(two.a, "service"), two.row(two.a, "service"), None),
    "unknown": lambda two: ("service", two.row(two.a, "service"), 9999, None),
    "values of a third row": lambda two: ("service", two.row(two.a, "service"), two.row(two.b, "service"), 9999),
    "merged before": merged_before,
    "two accounts": two_accounts,
    "a part": part_of_the_other,
    "a whole": whole_of_the_other,
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_merge_that_is_refused_writes_nothing(two: Two, case: str) -> None:
    kind, loser, into, values = REFUSED[case](two)
    before = contents()
    with pytest.raises(InvalidDraft):
        merge_rows(kind, loser, into, by=BY, values=values)
    assert contents() == before


@pytest.mark.parametrize(("field", "value"), [("name", "There"), ("time_zone", convert("Asia/Tokyo"))])
def test_questions_about_a_link_that_no_longer_writes_are_closed(two: Two, field: str, value: Any) -> None:
    here = {"name": "Here", "time_zone": "America/Lima"}
    edit("schedule", Schedule.objects.get(name="Primary"), **{field: here[field]})
    two.a.source.change(schedules=(replace(two.a.source.snapshot.schedules[0], **{field: value}),))
    two.sync()
    questions = Conflict.objects.filter(state="open", entity_type="schedule")
    assert questions.get().paths == [field]
    two.merge("schedule", keep="b")
    assert not questions.exists()
    two.sync()
    assert not questions.exists()


def test_a_question_about_elements_stays_open_after_a_merge(two: Two) -> None:
    method = ContactMethod.objects.get(address="ana@example.com")
    ana, *rest = two.a.source.snapshot.users
    values = {"channel": "email", "address": "here@example.com", "extension": "", "label": "Work", "enabled": True}
    changes = {"contact_methods": ElementChanges({method.source_key or "": values})}
    row = Responder.objects.get(name="Ana")
    write("responder", [Draft({}, changes, id=row.pk, version=row.version)], by=BY)
    there = replace(ana.contact_methods[0], address="there@example.com")
    two.a.source.change(users=(replace(ana, contact_methods=(there,)), *rest))
    two.sync()
    questions = Conflict.objects.filter(state="open", kind="both_edited")
    asked = questions.get()
    two.merge("responder", keep="b")
    two.sync()
    assert questions.get() == asked
    two.a.source.change(users=(replace(ana, contact_methods=(replace(there, address="here@example.com"),)), *rest))
    two.sync()
    assert not questions.exists()


def test_two_people_of_one_source_become_one(two: Two) -> None:
    ana, bo = two.row(two.a, "responder", "U1"), two.row(two.a, "responder", "U2")
    merge_rows("responder", bo, ana, by=BY)
    two.sync()
    before = contents()
    two.sync()
    assert contents() == before
    assert ContactMethod.objects.filter(responder=ana).count() == 2
    links = ExternalLink.objects.filter(responder=ana)
    assert sorted(links.values_list("external_id", "primary")) == [("U1", True), ("U2", False)]
    first, second, *rest = two.a.source.snapshot.users
    two.a.source.change(users=(replace(first, title="SRE"), second, *rest))
    two.sync()
    assert Responder.objects.get(pk=ana).title == "SRE"
    assert UserGroup.objects.get(name="Platform").members.values("responder").distinct().count() == 1
