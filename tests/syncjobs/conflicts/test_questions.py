"""Which people are matched, and what becomes a question."""

import pytest

from connectors.models import Connection
from connectors.records import ENTITY_TYPES, Account, Completeness, SourceContactMethod, SourceTeam
from oncall.aggregates import Draft, ElementChanges
from oncall.escalation.policy import Target
from oncall.models import Responder, Schedule, Service, UserGroup
from oncall.operations import create_account, delete, write
from syncjobs.conflicts.evidence import sides_of
from syncjobs.models import (
    Conflict,
    ConflictState,
    ExternalLink,
    SyncProfile,
)
from tests.syncjobs.conftest import BY, Source, Sync, contents, edit, layer, policy, schedule, user, world

pytestmark = pytest.mark.django_db


def test_under_overwrite_a_local_deletion_is_a_question(sync: Sync) -> None:
    sync.rules(strategy="source")
    sync.run()
    delete("service", [Service.objects.get().pk], by=BY)
    sync.run()
    assert Conflict.objects.get(kind="deleted_here").label == "Checkout"
    assert not Service.objects.exists()


def test_people_are_linked_to_an_account_with_their_address(sync: Sync) -> None:
    account = create_account("ANA@example.com", "long enough password", by=BY)
    admin = create_account("bo@example.com", "long enough password", is_staff=True, by=BY)
    sync.run()
    assert Responder.objects.get(name="Ana").account == account
    assert Responder.objects.get(name="Bo").account is None
    why = {c.label: c.evidence["why"] for c in Conflict.objects.filter(kind="user_not_found")}
    assert set(why) == {"Bo", "Cy"}
    assert why["Bo"] == "privileged"
    before = (admin.email, admin.is_staff, admin.password)
    sync.source.change(users=(user("U2", "Bo", email="ana@example.com"),))
    sync.run()
    admin.refresh_from_db()
    assert (admin.email, admin.is_staff, admin.password) == before
    assert Responder.objects.get(name="Bo").account is None


def test_a_person_here_is_matched_by_address_and_keeps_local_values(sync: Sync) -> None:
    here = write("responder", [Draft({"name": "Ana Lopez", "email": "Ana@Example.com"})], by=BY)[0]
    run = sync.run()
    assert run.items.get(external_id="U1").action == "match"
    assert Responder.objects.count() == 3
    ana = Responder.objects.get(pk=here.id)
    assert (ana.name, ana.time_zone) == ("Ana Lopez", "Europe/Paris")
    assert ana.contact_methods.count() == 1
    assert sync.run().items.count() == 0


def test_two_people_with_one_address_are_not_merged(sync: Sync) -> None:
    write("responder", [Draft({"name": "Shared", "email": "ana@example.com"})], by=BY)
    sync.source.change(users=(*world().users, user("U4", "Dee", email="ana@example.com")))
    sync.run()
    assert Responder.objects.count() == 5
    conflict = Conflict.objects.get(kind="ambiguous")
    own = sync.connection.pk
    here = Responder.objects.get(name="Shared").pk
    assert conflict.evidence == {"email": "ana@example.com", "people": [f"{own}:U1", f"{own}:U4", f"local:{here}"]}
    assert conflict.subject_key == f"{own}:ana@example.com"
    assert sync.run().items.count() == 0
    assert Conflict.objects.filter(kind="ambiguous", state=ConflictState.OPEN).count() == 1


def test_equal_names_of_different_origin_are_questions_and_both_rows_stay(sync: Sync) -> None:
    write("schedule", [Draft({"name": " primary ", "time_zone": "UTC"})], by=BY)
    write("user_group", [Draft({"name": "PLATFORM"})], by=BY)
    write("escalation_policy", [Draft({"name": "default"})], by=BY)
    sync.source.change(
        schedules=(*world().schedules, schedule("S2", "Night", layer("U1")), schedule("S3", "Night ", layer("U2")))
    )
    sync.run()
    assert Schedule.objects.count() == 4
    kinds = sorted(Conflict.objects.exclude(kind="user_not_found").values_list("kind", flat=True))
    assert kinds == ["duplicate_policy", "duplicate_schedule", "duplicate_schedule", "team_name_collision"]
    before = contents()
    sync.run()
    assert contents() == before
    edit("user_group", UserGroup.objects.get(origin_label=""), name="Ours")
    sync.run()
    assert Conflict.objects.get(kind="team_name_collision").state == ConflictState.CLOSED


def test_an_unknown_zone_stores_the_schedule_inactive_and_asks(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="Mars/Olympus"),))
    sync.run()
    stored = Schedule.objects.get()
    assert (stored.active, stored.zone_state) == (False, "unknown")
    conflict = Conflict.objects.get(kind="timezone_mismatch")
    assert conflict.evidence["raw"] == "Mars/Olympus"
    assert sync.run().items.count() == 0
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1")),))
    sync.run()
    stored.refresh_from_db()
    assert (stored.active, stored.time_zone) == (True, "Europe/Paris")
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.CLOSED


def test_a_zone_edited_on_both_sides_is_a_field_like_others(sync: Sync) -> None:
    sync.run()
    edit("schedule", Schedule.objects.get(), time_zone="Europe/Berlin", name="Ours")
    sync.source.change(schedules=(schedule("S1", "Theirs", layer("U1", "U2", "U1"), zone="America/New_York"),))
    sync.run()
    conflict = Conflict.objects.exclude(kind="user_not_found").get()
    assert (conflict.kind, sorted(conflict.paths)) == ("both_edited", ["name", "time_zone"])
    assert conflict.evidence["time_zone"] == {"here": "Europe/Berlin", "source": "America/New_York"}


def test_a_second_source_adds_its_elements_and_never_writes_the_fields_of_the_first(sync: Sync) -> None:
    sync.run()
    other = Sync.__new__(Sync)
    other.source = Source()
    other.connection = Connection(name="globex", provider="pagerduty", settings=sync.connection.settings)
    other.connection.seal_credentials({"api_key": "u+not-a-real-key"})
    other.connection.save()
    other.profile = SyncProfile.objects.create(connection=other.connection, strategy="source")
    other.source.change(users=(user("X1", "Anna", email="ANA@example.com", title="Other"),), account=Account(None, ""))
    run = other.run()
    assert run.items.get(external_id="X1").action == "match"
    ana = Responder.objects.get(name="Ana")
    assert (ana.title, ana.origin_label, ana.contact_methods.count()) == ("", "PagerDuty (acme)", 2)
    assert not ExternalLink.objects.get(external_id="X1").primary
    assert other.run().items.count() == 0
    assert sync.run().items.count() == 0
    names = Conflict.objects.of_connection(other.connection.pk).exclude(kind="user_not_found")
    assert set(names.values_list("connection", "external_id")) == {(None, "")}
    assert sorted(names.values_list("kind", flat=True)) == [
        "duplicate_policy",
        "duplicate_schedule",
        "team_name_collision",
    ]


def test_renaming_a_connection_makes_no_collisions_with_its_own_rows(sync: Sync) -> None:
    sync.run()
    sync.connection.name = "production"
    sync.connection.save()
    sync.source.change(schedules=(*world().schedules, schedule("S2", "Primary", layer("U1"))))
    sync.run()
    conflict = Conflict.objects.get(kind="duplicate_schedule")
    assert conflict.subject_key == f"{sync.connection.pk}:S1|{sync.connection.pk}:S2"


NAMES = {
    "schedules": ("duplicate_schedule", lambda id_, name: schedule(id_, name, layer("U1"))),
    "teams": ("team_name_collision", lambda id_, name: SourceTeam(id_, name)),
    "policies": ("duplicate_policy", lambda id_, name: policy(id_, name, Target("schedule", "S1"))),
}


@pytest.mark.parametrize("records", list(NAMES))
def test_equal_names_within_one_source_are_one_question(sync: Sync, records: str) -> None:
    kind, make = NAMES[records]
    three = (make("A1", "Night"), make("A2", " night"), make("A3", "NIGHT"))
    sync.source.change(**{records: (*getattr(world(), records), *three, make("A4", "Nights"))})
    sync.run()
    conflict = Conflict.objects.get(kind=kind)
    own = sync.connection.pk
    assert conflict.subject_key == f"{own}:A1|{own}:A2|{own}:A3"
    assert conflict.evidence == {"name": "night", "rows": [f"{own}:A1", f"{own}:A2", f"{own}:A3"]}
    assert [*conflict.rows.order_by("key").values_list("key", "connection")] == [
        (f"{own}:A{n}", own) for n in (1, 2, 3)
    ]
    (sides,) = sides_of(conflict, with_addresses=True)
    assert sides.here is None
    second = ExternalLink.objects.get(external_id="A2")
    assert sides.there[1] == f" night #{second.row_id}, imported from PagerDuty (acme)"
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    sync.source.change(**{records: (*getattr(world(), records), make("A1", "Day"), *three[1:])})
    sync.run()
    open_ = Conflict.objects.filter(kind=kind, state=ConflictState.OPEN)
    assert [*open_.values_list("subject_key", flat=True)] == [f"{own}:A2|{own}:A3"]
    incomplete = dict.fromkeys(ENTITY_TYPES, Completeness(False, "a page is missing"))
    sync.source.change(**{records: (*getattr(world(), records), make("A2", "Evening"))}, completeness=incomplete)
    sync.run()
    assert not open_.exists()


def test_only_rows_that_are_active_after_the_plan_have_equal_names(sync: Sync) -> None:
    off = schedule("S2", "primary", layer("U1"), enabled=False)
    unknown = schedule("S3", "PRIMARY", layer("U1"), zone="Mars/Olympus")
    on = schedule("S2", "primary", layer("U1"))
    questions = Conflict.objects.filter(kind="duplicate_schedule", state=ConflictState.OPEN)
    sync.source.change(schedules=(*world().schedules, off, unknown))
    for schedules, expected in (((off, unknown), 0), ((off, unknown), 0), ((on, unknown), 1), ((off, unknown), 0)):
        sync.source.change(schedules=(*world().schedules, *schedules))
        sync.run()
        assert questions.count() == expected


def test_many_equal_names_are_one_question_with_a_short_subject(sync: Sync) -> None:
    many = tuple(SourceTeam(f"T{number:03}", "Ops") for number in range(200))
    sync.source.change(teams=many)
    sync.run()
    before = contents()
    conflict = Conflict.objects.get(kind="team_name_collision")
    assert len(conflict.subject_key) < 100
    assert len(conflict.evidence["rows"]) == conflict.rows.count() == 200
    sync.run()
    assert contents() == before


def test_a_person_who_was_made_anew_at_the_source_is_created_beside_the_old_and_is_a_question(sync: Sync) -> None:
    sync.run()
    again = user("U9", "Ana", email="ANA@example.com")
    sync.source.change(users=(again, *world().users[1:]))
    run = sync.run()
    assert run.items.get(external_id="U9").action == "create"
    assert sorted(Responder.objects.filter(name="Ana").values_list("links__external_id", flat=True)) == ["U1", "U9"]
    assert not Conflict.objects.filter(kind="ambiguous").exists()
    conflict = Conflict.objects.get(kind="recreated")
    own = sync.connection.pk
    assert conflict.evidence == {"rows": [f"{own}:U1", f"{own}:U9"], "equal": "email"}
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    sync.source.change(users=(again, *world().users[1:]), completeness={})
    sync.run(only=[("responder", "U9")])
    sync.run()
    assert contents() == before
    sync.source.change(users=(again, *world().users[1:]), completeness=world().completeness)
    sync.source.change(users=world().users)
    sync.run()
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.CLOSED


def test_several_people_here_with_the_address_of_a_new_person_stay_a_question(sync: Sync) -> None:
    drafts = [Draft({"name": name, "email": "ana@example.com"}) for name in ("Anna", "Anita")]
    first, second = write("responder", drafts, by=BY)
    sync.run()
    conflict = Conflict.objects.get(kind="ambiguous")
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    for row in (first, second):
        sync.run()
        assert Conflict.objects.get(kind="ambiguous").state == ConflictState.OPEN
        edit("responder", Responder.objects.get(pk=row.id), email="")
        sync.run()
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.CLOSED


def test_a_read_of_one_person_leaves_a_shared_address_open(sync: Sync) -> None:
    shared = user("U4", "Dee", email="ana@example.com")
    sync.source.change(users=(*world().users, shared))
    sync.run()
    sync.source.change(users=(user("U1", "Ana", title="Boss"),))
    sync.run(only=[("responder", "U1")])
    assert Responder.objects.get(name="Ana").title == "Boss"
    conflict = Conflict.objects.get(kind="ambiguous")
    people = [f"{sync.connection.pk}:U1", f"{sync.connection.pk}:U4"]
    assert (conflict.state, conflict.evidence["people"]) == (ConflictState.OPEN, people)
    sync.source.change(users=(*world().users, shared))
    sync.run()
    assert Conflict.objects.get(kind="ambiguous").evidence["people"] == people


def test_a_zone_set_here_closes_the_question(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="Mars/Olympus"),))
    sync.run()
    edit("schedule", Schedule.objects.get(), time_zone="Europe/Paris", zone_state="ok", active=True)
    assert sync.run().items.count() == 0
    assert Conflict.objects.get(kind="timezone_mismatch").state == ConflictState.CLOSED
    assert Schedule.objects.get().time_zone == "Europe/Paris"


def test_a_question_about_a_new_object_finds_its_link(sync: Sync) -> None:
    sync.run()
    assert {c.link.external_id for c in Conflict.objects.select_related("link") if c.link} == {"U1", "U2", "U3"}


def test_the_evidence_says_why_no_account_was_found(sync: Sync) -> None:
    taken = create_account("cy@example.com", "long enough password", by=BY)
    write("responder", [Draft({"name": "Other Cy"}, account_id=taken.pk)], by=BY)
    odd = "m\u0131ke@example.com"
    sync.source.change(users=(user("U1", "Ana", email=odd), user("U2", "Bo", email=None), world().users[2]))
    sync.run()
    assert {c.label: c.evidence["why"] for c in Conflict.objects.filter(kind="user_not_found")} == {
        "Ana": "not_comparable",
        "Bo": "no_email",
        "Cy": "taken",
    }
    create_account("bo@example.com", "long enough password", by=BY)
    both = (user("U2", "Bo", email="bo@example.com"), user("U4", "Bob", email="bo@example.com"))
    sync.source.change(users=(sync.source.snapshot.users[0], *both, world().users[2]))
    sync.run()
    bo = Conflict.objects.get(kind="user_not_found", label="Bo", state=ConflictState.OPEN)
    assert bo.evidence["why"] == "linkable"  # but who of the two has the account is unknown


def test_a_reference_closes_no_question(sync: Sync) -> None:
    sync.run()
    gone = user("U2", "Bo", state="unknown", listed=False, contact_methods=None, notification_rules=None, email=None)
    sync.source.change(users=(world().users[0], gone, world().users[2]))
    assert sync.run().items.count() == 0
    assert Conflict.objects.filter(kind="user_not_found", state=ConflictState.OPEN).count() == 3
    assert Responder.objects.get(name="Bo").email == "bo@example.com"


def test_a_reference_opens_no_question_about_a_linked_person(sync: Sync) -> None:
    sync.run()
    Conflict.objects.filter(label="Bo").update(state=ConflictState.DECIDED)
    known = user("U2", "Bo", state="unknown", listed=False, contact_methods=None, notification_rules=None, email=None)
    sync.source.change(users=(world().users[0], known, world().users[2]))
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_an_incomplete_list_closes_no_question(sync: Sync) -> None:
    sync.run()
    incomplete = {**world().completeness, "responder": Completeness(False, "a page is missing")}
    sync.source.change(users=world().users[:1], completeness=incomplete)
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    sync.source.change(users=(), schedules=(schedule("S1", "Primary"),), policies=(), teams=(), services=())
    sync.run()
    assert Conflict.objects.filter(kind="user_not_found", state=ConflictState.OPEN).count() == 3
    sync.source.change(completeness=world().completeness)
    sync.run()
    assert not Conflict.objects.filter(kind="user_not_found", state=ConflictState.OPEN).exists()


def test_an_element_edited_on_both_sides_is_a_question_with_both_values(sync: Sync) -> None:
    sync.run()
    ana = Responder.objects.get(name="Ana")
    method = ana.contact_methods.get()
    edited = {"channel": "email", "address": "ana@home.example", "label": "Work", "enabled": True}
    changes = {"contact_methods": ElementChanges(put={method.source_key: edited})}
    write("responder", [Draft({}, changes, id=ana.pk, version=ana.version)], by=BY)
    theirs = SourceContactMethod("CU1", "email", "ana@example.com", "Desk", True)
    sync.source.change(users=(user("U1", "Ana", contact_methods=(theirs,)), *world().users[1:]))
    sync.run()
    conflict = Conflict.objects.get(kind="both_edited")
    (path,) = conflict.paths
    assert conflict.evidence[path]["here"]["address"] == "ana@home.example"
    assert conflict.evidence[path]["source"]["label"] == "Desk"
