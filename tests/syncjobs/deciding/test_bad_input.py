"""Answers with bad input: what an operation would refuse, the preview refuses; what is stored is what was meant."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from oncall.models import Responder, Schedule, User
from oncall.operations import create_account, link_account
from syncjobs.deciding.decide import Decision, decide, decline, preview
from syncjobs.deciding.inviting import revoke
from syncjobs.deciding.stored_rules import forget
from syncjobs.models import UNDECIDED, Conflict, ConflictState, ExternalLink, Invitation, Rule, SyncRun
from syncjobs.planning.decisions.values import LATER, Refused
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule
from tests.syncjobs.deciding.test_people import answer, asked, local_person

pytestmark = pytest.mark.django_db

PASSWORD = "long enough password"


def administrator(email: str = "adm@example.com", *, without: str = "") -> User:
    """Return an account with all permissions on accounts, questions and rules, apart from one, but no superuser."""
    account = User.objects.get(pk=create_account(email, PASSWORD, by=BY).pk)
    wanted = ["answer_conflict", "add_rule", "add_user", "change_user", "view_conflict"]
    account.user_permissions.set(Permission.objects.filter(codename__in=[each for each in wanted if each != without]))
    User.objects.filter(pk=account.pk).update(is_staff=True)
    return User.objects.get(pk=account.pk)


# The preview refuses what would be refused


def _to_superuser(conflict: Conflict) -> tuple[Mapping[str, str], User | None]:
    root = create_account("root@example.com", PASSWORD, by=BY)
    User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    return {"to": "root@example.com"}, administrator()


def _person_of_superuser(conflict: Conflict) -> tuple[int, User | None]:
    _, by = _to_superuser(conflict)
    row = local_person("Root")
    link_account(row, User.objects.get(email="root@example.com").pk, by=BY)
    return row, by


def _to_person_of_superuser(conflict: Conflict) -> tuple[Mapping[str, str], User | None]:
    row, by = _person_of_superuser(conflict)
    return {"to": f"responder:{row}"}, by


def _claims_person_of_superuser(conflict: Conflict) -> tuple[Mapping[str, str], User | None]:
    row, by = _person_of_superuser(conflict)
    return {"claims": f"U4:responder:{row}"}, by


def _name(name: str) -> Callable[[Conflict], tuple[Mapping[str, str], User | None]]:
    return lambda conflict: ({"row": next(iter(_rows(conflict))), "name": name}, None)


def _rows(conflict: Conflict) -> list[str]:
    return sorted(str(row.pk) for row in Schedule.objects.all())


def _for_ever(conflict: Conflict) -> tuple[Mapping[str, str], User | None]:
    cy = Responder.objects.get(name="Cy")
    return {"by": f"responder:{cy.pk}", "until": "9999-12-31T23:59:00Z"}, None


@pytest.mark.parametrize(
    ("kind", "choice", "given", "code"),
    [
        ("user_not_found", "map", _to_superuser, "not_allowed"),
        ("user_not_found", "map", _to_person_of_superuser, "not_allowed"),
        ("ambiguous", "map", _claims_person_of_superuser, "not_allowed"),
        ("duplicate_schedule", "rename", _name("x" * 5_000), "invalid_argument"),
        ("inactive_scheduled", "replace", _for_ever, "invalid_argument"),
    ],
)
def test_the_preview_refuses_what_the_answer_refuses(sync: Sync, kind: str, choice: str, given: Any, code: str) -> None:
    conflict = arisen(sync, kind)
    arguments, by = given(conflict)
    before, runs = contents(), SyncRun.objects.count()
    for press in (preview, decide):
        with pytest.raises(Refused) as refused:
            press(conflict, Decision(choice, arguments, by))
        assert (refused.value.code, contents(), SyncRun.objects.count()) == (code, before, runs)


# Who is meant


@pytest.mark.parametrize("imported", [True, False])
@pytest.mark.parametrize("state", ["inactive", "merged"])
def test_an_account_of_somebody_who_left_is_no_target(sync: Sync, state: str, imported: bool) -> None:
    here, other = local_person("Old"), local_person("Other")
    link_account(here, create_account("old@example.com", PASSWORD, by=BY).pk, by=BY)
    edit("responder", Responder.objects.get(pk=here), active=False)
    if state == "merged":
        Responder.objects.filter(pk=here).update(merged_into=other)
    if imported:
        sync.run()
    else:
        sync.plan()
    before = contents()
    with pytest.raises(Refused, match=r"merged|not active") as refused:
        answer("Ana", "map", to="old@example.com")
    assert (refused.value.code, contents()) == ("invalid_argument", before)


def test_an_invitation_of_an_address_in_capitals_opens_its_question_when_it_ends(sync: Sync) -> None:
    sync.run()
    answer("Ana", "invite", email="ANA@Example.COM")
    invitation = Invitation.objects.get()
    assert Conflict.objects.get(label="Ana").arguments == {"email": invitation.email}
    revoke(invitation, None)
    assert asked("Ana").arguments == {}


# A question that is open again


def _forgotten(sync: Sync) -> Conflict:
    conflict = arisen(sync, "timezone_mismatch")
    decide(conflict, Decision("confirm", {}, None))
    Conflict.objects.filter(pk=conflict.pk).update(awaits="read")
    forget(Rule.objects.get(), None)
    return conflict


def _revoked(sync: Sync) -> Conflict:
    sync.run()
    conflict = asked("Ana")
    decide(conflict, Decision("invite", {}, None))
    revoke(Invitation.objects.get(), None)
    return conflict


def _declined(sync: Sync) -> Conflict:
    sync.run()
    conflict = asked("Ana")
    decide(conflict, Decision("invite", {}, administrator(), remember=False, propose=True))
    decline(conflict, None)
    return conflict


@pytest.mark.parametrize("open_again", [_forgotten, _revoked, _declined])
def test_nothing_of_the_former_decision_is_left(sync: Sync, open_again: Callable[[Sync], Conflict]) -> None:
    conflict = open_again(sync)
    conflict.refresh_from_db()
    assert {name: getattr(conflict, name) for name in UNDECIDED} == UNDECIDED
    assert conflict.state == ConflictState.OPEN


# An object that was created again and is only planned


def _planned_again(sync: Sync) -> Conflict:
    sync.run()
    edit("schedule", Schedule.objects.get(), description="ours")
    sync.source.change(schedules=(schedule("S9", "Primary", layer("U1", "U3")),))
    sync.plan()
    return Conflict.objects.get(kind="recreated")


def test_a_planned_object_is_relinked_when_it_is_imported(sync: Sync) -> None:
    conflict = _planned_again(sync)
    before = contents()
    shown = preview(conflict, Decision("relink", {}, None))
    assert (shown.outcome.deferred, contents()) == (LATER, before)
    decide(conflict, Decision("relink", {}, None))
    old = Schedule.objects.get()
    sync.apply(SyncRun.objects.get(kind="plan"))
    (row,) = Schedule.objects.filter(active=True)
    assert (row.pk, row.description) == (old.pk, "ours")
    assert ExternalLink.objects.get(external_id="S9").schedule_id == old.pk
    assert ExternalLink.objects.get(external_id="S1").ignored_reason == "replaced by S9"
    sync.run()
    before = contents()
    assert (sync.run().items.count(), contents()) == (0, before)


def test_a_planned_object_is_not_relinked_with_a_row_that_was_deleted(sync: Sync) -> None:
    conflict = _planned_again(sync)
    ExternalLink.objects.filter(external_id="S1").update(state="ignored", since=timezone.now())
    before = contents()
    with pytest.raises(Refused) as refused:
        preview(conflict, Decision("relink", {}, None))
    assert (refused.value.code, contents()) == ("stale_question", before)


def test_a_privileged_account_is_not_mapped_before_the_import_either(sync: Sync) -> None:
    sync.plan()
    arguments, by = _to_superuser(asked("Ana"))
    with pytest.raises(Refused) as refused:
        decide(asked("Ana"), Decision("map", arguments, by))
    assert refused.value.code == "not_allowed"
    decide(asked("Ana"), Decision("map", arguments, User.objects.get(email="root@example.com")))
