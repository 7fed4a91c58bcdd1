"""Answers about objects that left the source, came back under a new id, or are inactive there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from connectors.records import ENTITY_TYPES, EntityType, SourceContactMethod, SourceService
from oncall.aggregates import Draft, ElementChanges
from oncall.escalation.policy import Target
from oncall.models import ContactMethod, Override, Reference, Responder, Schedule, Substitution, UserGroup
from oncall.operations import create_account, link_account, write
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import Override as SourceOverride
from oncall.rendering.spec import person
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.ending import reopen_ended
from syncjobs.deciding.suggesting import suggestions
from syncjobs.models import Conflict, ConflictState, ExternalLink, LinkState
from syncjobs.pages.questions import earlier_decisions
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.planning.decisions.values import Refused, nothing_changes
from tests.syncjobs.conflicts.test_kinds import arisen, made
from tests.syncjobs.conftest import BY, NOW, Source, Sync, contents, edit, layer, policy, schedule, user
from tests.syncjobs.deciding.test_answers import ANSWERS

pytestmark = pytest.mark.django_db

#: The kinds of this file.
KINDS = ("gone", "not_visible", "recreated", "inactive_scheduled", "account_changed", "unsupported")
#: By kind and choice: the right of a lead, and whether it answers many, can be remembered, and is suggested.
PROPERTIES: Mapping[tuple[str, str], tuple[str, bool, bool, bool]] = {
    ("gone", "deactivate"): ("decide", False, False, False),
    ("gone", "keep"): ("decide", False, False, False),
    ("not_visible", "deactivate"): ("nothing", False, False, False),
    ("not_visible", "keep"): ("nothing", False, False, False),
    ("recreated", "relink"): ("decide", False, False, True),
    ("recreated", "keep_all"): ("decide", True, False, False),
    ("inactive_scheduled", "acknowledge"): ("decide", True, False, False),
    ("inactive_scheduled", "replace"): ("decide", False, False, False),
    ("account_changed", "accept"): ("nothing", False, False, False),
    ("account_changed", "refuse"): ("nothing", False, False, False),
    ("unsupported", "acknowledge"): ("decide", True, True, False),
}


def test_each_choice_has_the_properties_of_the_contract(sync: Sync) -> None:
    suggested = suggestions([arisen(sync, "recreated")])
    names = {suggestion.choice for suggestion in suggested.values()}
    found = {
        (kind, choice.name): (choice.lead, choice.bulk, choice.rule is not None, choice.name in names)
        for kind in KINDS
        for choice in CHOICES[kind]
    }
    assert found == PROPERTIES


# What moved meanwhile


def _ignore(external_id: str) -> Callable[[Sync], None]:
    return lambda sync: _update(external_id, state=LinkState.IGNORED)


def _update(external_id: str, **columns: Any) -> None:
    ExternalLink.objects.filter(external_id=external_id).update(**columns)


def _other_account(sync: Sync) -> None:
    sync.connection.refresh_from_db()
    sync.connection.account_id = "a third one"
    sync.connection.save()


MOVED: Mapping[tuple[str, str], Callable[[Sync], None]] = {
    ("gone", "deactivate"): _ignore("S1"),
    ("gone", "keep"): _ignore("S1"),
    ("not_visible", "deactivate"): _ignore("T1"),
    ("not_visible", "keep"): _ignore("T1"),
    ("recreated", "relink"): _ignore("S1"),
    ("inactive_scheduled", "replace"): lambda sync: _update("U2", responder=None),
    ("account_changed", "accept"): _other_account,
    ("account_changed", "refuse"): _other_account,
}


def test_every_answer_that_changes_something_has_an_entry() -> None:
    assert MOVED.keys() == {
        (kind, choice.name) for kind in KINDS for choice in CHOICES[kind] if choice.outcome is not nothing_changes
    }


@pytest.mark.parametrize(("kind", "choice"), list(MOVED))
def test_what_moved_meanwhile_is_refused(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    arguments = ANSWERS[kind][choice].arguments(conflict)
    MOVED[kind, choice](sync)
    before = contents()
    with pytest.raises(Refused) as refused:
        decide(conflict, Decision(choice, arguments, None))
    assert (refused.value.code, contents()) == ("stale_question", before)


# Gone


def test_what_is_listed_again_after_it_was_deactivated_is_active_again(sync: Sync) -> None:
    known = sync.source.snapshot.schedules
    decide(arisen(sync, "gone"), Decision("deactivate", {}, None))
    row = Schedule.objects.get()
    assert (row.active, row.description, Reference.objects.filter(schedule=row).exists()) == (False, "ours", True)
    sync.source.change(schedules=known)
    sync.run()
    row.refresh_from_db()
    assert (row.active, row.description) == (True, "ours")
    assert ExternalLink.objects.get(external_id="S1").state == LinkState.LINKED
    assert sync.run().items.count() == 0


def test_a_row_of_two_sources_is_not_deactivated_by_one_of_them(sync: Sync) -> None:
    other = Sync("other")
    decided = arisen(sync, "not_visible")
    other.run()
    group = UserGroup.objects.get(links__connection=sync.connection)
    second = ExternalLink.objects.get(connection=other.connection, entity_type="user_group")
    second.user_group, second.primary = group, False
    second.save()
    decide(decided, Decision("deactivate", {}, None))
    group.refresh_from_db()
    assert group.active
    assert ExternalLink.objects.get(connection=sync.connection, external_id="T1").state == LinkState.GONE


# Created again


def _again(source: Source, kind: EntityType) -> None:
    """Replace the object of this kind by an equal one with the id ``NEW``, and let others refer to it."""
    shot = source.snapshot
    match kind:
        case "responder":
            method = SourceContactMethod("CNEW", "email", "ana@example.com", "Work", True)
            source.change(
                users=(replace(shot.users[0], external_id="NEW", contact_methods=(method,)), *shot.users[1:]),
                schedules=(schedule("S1", "Primary", layer("NEW", "U2", "NEW")),),
            )
        case "user_group":
            source.change(teams=(replace(shot.teams[0], external_id="NEW"),))
        case "schedule":
            source.change(
                schedules=(replace(shot.schedules[0], external_id="NEW"),),
                policies=(policy("P1", "Default", Target("schedule", "NEW"), Target("responder", "U3")),),
            )
        case "escalation_policy":
            source.change(
                policies=(replace(shot.policies[0], external_id="NEW"),),
                services=(SourceService("V1", "Checkout", policy_id="NEW", group_id="T1"),),
            )
        case "service":
            source.change(services=(replace(shot.services[0], external_id="NEW"),))


OLD: Mapping[EntityType, str] = {
    "responder": "U1",
    "user_group": "T1",
    "schedule": "S1",
    "escalation_policy": "P1",
    "service": "V1",
}
EDITED: Mapping[EntityType, str] = {**dict.fromkeys(ENTITY_TYPES, "description"), "responder": "title"}


def recreated(sync: Sync, kind: EntityType) -> tuple[Conflict, Any]:
    """Return the question about an object that was edited here and created again, and its old row."""
    sync.run()
    old = ROOTS[kind].rows.get(links__external_id=OLD[kind])
    edit(kind, old, **{EDITED[kind]: "ours"})
    _again(sync.source, kind)
    sync.run()
    if kind == "service":  # names of services are not compared
        keys = [f"{sync.connection.pk}:{external_id}" for external_id in (OLD[kind], "NEW")]
        made(sync, "recreated", kind, "NEW", old.name, {"rows": keys, "equal": "name"})
    return Conflict.objects.get(kind="recreated"), old


@pytest.mark.parametrize("kind", ENTITY_TYPES)
def test_the_old_row_follows_the_new_object_and_keeps_what_was_edited(sync: Sync, kind: EntityType) -> None:
    conflict, old = recreated(sync, kind)
    new = ExternalLink.objects.get(external_id="NEW")
    applied = decide(conflict, Decision("relink", {}, None))
    assert applied.run is not None and applied.run.items.count() == 2
    old.refresh_from_db()
    new.refresh_from_db()
    former = ExternalLink.objects.get(external_id=OLD[kind])
    assert (old.active, old.merged_into, getattr(old, EDITED[kind])) == (True, None, "ours")
    assert (new.row_id, new.state, new.primary) == (old.pk, LinkState.LINKED, True)
    assert (former.state, former.ignored_reason) == (LinkState.IGNORED, "replaced by NEW")
    assert not (former.primary and former.row_id == old.pk)
    sync.run()
    rows = contents()
    run = sync.run()
    assert (run.items.count(), contents()) == (0, rows)
    old.refresh_from_db()
    assert getattr(old, EDITED[kind]) == "ours"
    assert not Conflict.objects.filter(kind__in=["both_edited", "deleted_here"]).exists()


@pytest.mark.parametrize("kind", ENTITY_TYPES)
def test_an_edited_field_is_asked_about_if_the_new_object_has_another_value(sync: Sync, kind: EntityType) -> None:
    conflict, old = recreated(sync, kind)
    decide(conflict, Decision("relink", {}, None))
    sync.run()
    names = {"responder": "users", "user_group": "teams", "schedule": "schedules"}
    names |= {"escalation_policy": "policies", "service": "services"}
    records = getattr(sync.source.snapshot, names[kind])
    sync.source.change(**{names[kind]: (replace(records[0], **{EDITED[kind]: "theirs"}), *records[1:])})
    sync.run()
    old.refresh_from_db()
    assert getattr(old, EDITED[kind]) == "ours"
    assert Conflict.objects.get(kind="both_edited", state=ConflictState.OPEN).external_id == "NEW"


def test_elements_that_only_the_old_object_had_leave_and_edited_ones_stay(sync: Sync) -> None:
    first = user("U1", "Ana")
    two = (*(first.contact_methods or ()), SourceContactMethod("C9", "sms", "+33612345678", "Phone", True))
    sync.source.change(users=(replace(first, contact_methods=two), *sync.source.snapshot.users[1:]))
    sync.run()
    old = Responder.objects.get(name="Ana")
    key = f"{sync.connection.pk}:U1:C9"
    phone = ContactMethod.objects.get(source_key=key)
    values = {"channel": "sms", "address": phone.address, "extension": "", "label": "Mine", "enabled": True}
    write("responder", [Draft({}, {"contact_methods": ElementChanges({key: values})}, old.pk, old.version)], by=BY)
    conflict, old = recreated(sync, "responder")
    decide(conflict, Decision("relink", {}, None))
    for _ in range(2):
        shown = ContactMethod.objects.filter(responder=old).order_by("source_key")
        assert [(each.label, each.source_key) for each in shown] == [
            ("Work", f"{sync.connection.pk}:NEW:CNEW"),
            ("Mine", key),
        ]
        sync.run()


def test_our_override_of_the_old_schedule_stays_and_that_of_its_source_leaves(sync: Sync) -> None:
    later = NOW + 30 * 86_400
    theirs = SourceOverride("O1", later, later + 3_600, person("U2"), None)
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2"), overrides=(theirs,)),))
    sync.run()
    row = Schedule.objects.get()
    ours = {
        "starts_at": instant_to_text(later + 7_200),
        "ends_at": instant_to_text(later + 9_000),
        "by_key": "person:local:" + str(Responder.objects.get(name="Cy").pk),
        "sources": None,
        "replaces": "",
        "covers_gaps": True,
        "rank": 0,
    }
    write("schedule", [Draft({}, {"overrides": ElementChanges({"local:new": ours})}, row.pk, row.version)], by=BY)
    conflict, old = recreated(sync, "schedule")
    new = replace(sync.source.snapshot.schedules[0], overrides=())
    sync.source.change(schedules=(new,))
    sync.run()
    decide(conflict, Decision("relink", {}, None))
    sync.run()
    (kept,) = Override.objects.filter(by__isnull=False).exclude(source_key__isnull=False)
    assert kept.schedule_id == old.pk
    assert (kept.source_key, kept.by) == (None, Responder.objects.get(name="Cy"))
    rows = contents()
    assert (sync.run().items.count(), contents()) == (0, rows)


def test_two_people_with_an_account_each_are_not_united(sync: Sync) -> None:
    conflict, _ = recreated(sync, "responder")
    for external_id in ("U1", "NEW"):
        account = create_account(f"{external_id}@example.com".lower(), "long enough password", by=BY)
        row = ExternalLink.objects.get(external_id=external_id).responder
        assert row is not None
        link_account(row.pk, account.pk, by=BY)
    before = contents()
    with pytest.raises(Refused, match="have an account each") as refused:
        decide(conflict, Decision("relink", {}, None))
    assert (refused.value.code, contents()) == ("invalid_argument", before)


# Inactive, but on call


def _answer(sync: Sync, **arguments: str) -> Conflict:
    conflict = arisen(sync, "inactive_scheduled")
    decide(conflict, Decision("replace", arguments, None))
    return Conflict.objects.get(pk=conflict.pk)


def test_a_replacement_ends_and_the_question_is_asked_again(sync: Sync) -> None:
    until = timezone.now() + timedelta(days=2)
    create_account("cy@example.com", "long enough password", by=BY)  # the first sync links it to the person
    conflict = _answer(sync, by="cy@example.com", until=until.isoformat())
    (substitution,) = Substitution.objects.all()
    assert (substitution.by, substitution.scope) == (Responder.objects.get(name="Cy"), None)
    assert substitution.source_key is None
    assert substitution.ends_at == conflict.decided_until == until.replace(microsecond=0)
    assert reopen_ended(until - timedelta(minutes=1)) == 0
    with time_machine.travel(until):
        sync.run()
        assert (reopen_ended(until), reopen_ended(until)) == (1, 0)
    again = Conflict.objects.get(kind="inactive_scheduled", state=ConflictState.OPEN)
    assert (again.evidence, again.external_id, again.choice) == ({"state": "inactive"}, "U2", "")
    assert [each["conflict"].pk for each in earlier_decisions(again)] == [conflict.pk]
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.CLOSED


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"until": "2099-12-24T09:00:00"}, "with its offset"),
        ({"until": "tomorrow"}, "with its offset"),
        ({"until": "2001-01-01T00:00:00Z"}, "is over"),
        ({"by": "nobody@example.com"}, "no person here has the account"),
        ({"by": "responder:999999"}, "no person here"),
        ({"by": "itself"}, "is the person who is to be replaced"),
        ({"by": "inactive"}, "is inactive at the source, too"),
    ],
)
def test_a_wrong_replacement_is_refused(sync: Sync, arguments: Mapping[str, str], words: str) -> None:
    conflict = arisen(sync, "inactive_scheduled")
    people = {row.name: row for row in Responder.objects.all()}
    edit("responder", people["Ana"], state="inactive")
    named = {"itself": "Bo", "inactive": "Ana"}
    given = {"by": f"responder:{people['Cy'].pk}", "until": "2099-12-24T09:00:00Z"} | arguments
    if given["by"] in named:
        given["by"] = f"responder:{people[named[given['by']]].pk}"
    before = contents()
    with pytest.raises(Refused, match=words) as refused:
        decide(conflict, Decision("replace", given, None))
    assert (refused.value.code, contents()) == ("invalid_argument", before)
