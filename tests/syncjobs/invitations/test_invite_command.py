"""The command invite: who is in which bucket, who is invited, and what is refused in words."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db.models.signals import post_init
from django.test import Client

from oncall.aggregates import Draft
from oncall.models import Responder, Role, User
from oncall.operations import link_account, write
from syncjobs.deciding.decide import Decision, confirm, decide, decline, preview
from syncjobs.deciding.inviting import invite_address
from syncjobs.invitations.buckets import BUCKETS
from syncjobs.invitations.outbox import work_off
from syncjobs.models import Conflict, ConflictState, Invitation, InvitationState, Rule
from syncjobs.planning.decisions.values import Refused
from tests.syncjobs.conftest import BY, Sync, contents, layer, schedule, user, world
from tests.syncjobs.invitations.conftest import account
from tests.syncjobs.invitations.mails import PASSWORD, pass_time, path_in, question
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db
Invite = Callable[..., Invitation]


def buckets(*args: str) -> dict[str, list[str]]:
    found = document("invite", "acme", *args)
    return {name: [each["email"] for each in found[name]] for name in BUCKETS if found[name]}


def refused(*args: str) -> list[tuple[int | None, str]]:
    return [(each["line"], each["error"]) for each in document("invite", "acme", *args)["refused"]]


def test_everybody_without_an_account_is_in_exactly_one_bucket(imported: Sync) -> None:
    found = document("invite", "acme")
    assert set(found) == set(BUCKETS)
    assert {(each["name"], each["external_id"]) for each in found["invitable"]} == {
        ("Ana", "U1"), ("Bo", "U2"), ("Cy", "U3"),
    }  # fmt: skip
    assert set(found["invitable"][0]) == {"email", "name", "external_id", "holds_up"}
    assert found["invitable"][0]["holds_up"][0].startswith("schedule Primary: on call now")
    assert sum(map(len, found.values())) == 3
    assert shell("invite", "acme")[0] == 0
    assert "Ana" in shell("invite", "acme")[1]


def test_the_buckets_of_a_person_in_the_order_of_the_story(imported: Sync, client: Client) -> None:
    assert shell("invite", "acme", "ana@example.com", "--propose")[0] == 3
    assert buckets() == {"invitable": ["bo@example.com", "cy@example.com"], "proposed": ["ana@example.com"]}
    assert question().state == ConflictState.PROPOSED
    code, out = shell("invite", "acme", "ana@example.com")
    assert (code, len(mail.outbox)) == (0, 1)
    assert "ana@example.com was invited on" in out
    assert buckets()["sent"] == ["ana@example.com"]
    assert shell("invite", "acme", "--revoke", "ana@example.com")[0] == 0
    assert buckets()["revoked"] == ["ana@example.com"]
    assert question().state == ConflictState.OPEN
    pass_time(Invitation.objects.get(), hours=25)
    shell("invite", "acme", "ANA@example.com")
    pass_time(Invitation.objects.latest("pk"), hours=73)
    work_off()
    assert buckets()["expired"] == ["ana@example.com"]
    pass_time(Invitation.objects.latest("pk"), hours=25)
    shell("invite", "acme", "ana@example.com")
    client.get(path_in(), follow=True)
    client.post("/invitation/", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    found = buckets()
    assert (found["accepted"], found["matched"]) == (["ana@example.com"], ["ana@example.com"])
    assert found["invitable"] == ["bo@example.com", "cy@example.com"]


def test_who_has_no_usable_address_or_was_left_is_left(sync: Sync) -> None:
    people = (user("U1", "Ana", email=""), user("U2", "Bo", email="bö@example.com"), world().users[2])
    sync.source.change(users=people)
    sync.run()
    decide(question("Cy"), Decision("leave", {}, None))
    link_account(Responder.objects.get(name="Ana").pk, account("any@example.com").pk, by=BY)
    sync.run()
    found = document("invite", "acme")
    assert {name: [each["name"] for each in found[name]] for name in BUCKETS if found[name]} == {
        "matched": ["Ana"], "left": ["Bo", "Cy"],
    }  # fmt: skip
    table = shell("invite", "acme")[1]
    assert table.count("stays without an account") == 2
    assert not re.search(r"\bleft\b", table)


def test_somebody_without_a_turn_target_or_membership_is_in_none(sync: Sync) -> None:
    sync.source.change(users=(*world().users, user("U9", "Idle")))
    sync.run()
    assert "idle@example.com" not in str(document("invite", "acme"))


def test_people_who_are_only_planned_are_listed_and_invited(sync: Sync, server: object) -> None:
    sync.plan()
    assert buckets() == {"invitable": ["ana@example.com", "bo@example.com", "cy@example.com"]}
    assert shell("invite", "acme", "bo@example.com")[0] == 0
    assert buckets()["sent"] == ["bo@example.com"]
    assert (question("Bo").state, Responder.objects.count()) == (ConflictState.DECIDED, 0)


def test_an_address_alone_is_invited_and_becomes_the_person_when_imported(sync: Sync, server: object) -> None:
    assert shell("invite", "acme", "ana@example.com", "new@example.com")[0] == 0
    assert buckets() == {"sent": ["ana@example.com", "new@example.com"]}
    run = sync.run()
    assert (question().state, question().choice) == (ConflictState.DECIDED, "invite")
    assert (question("Bo").state, run.checkpoint["opened_conflicts"]) == (ConflictState.OPEN, 2)
    found = document("invite", "acme")["sent"]
    assert [(each["email"], each["external_id"]) for each in found] == [
        ("ana@example.com", "U1"), ("new@example.com", None),
    ]  # fmt: skip
    before = contents()
    sync.run()
    assert contents() == before


@pytest.mark.parametrize(
    "email,words",
    [
        ("nonsense", "is no e-mail address"),
        ("a b@example.com", "is no e-mail address"),
        ("аna@example.com", "is no e-mail address"),
        ("ana@exaⅿple.com", "is no e-mail address"),
        ("ana@example.com\r\nBcc: eve@example.com", "is no e-mail address"),
        ("x" * 300 + "@example.com", "is no e-mail address"),
        ("staff@example.com", "has privileges"),
        ("inactive@example.com", "is not active"),
        ("taken@example.com", "belongs to Local"),
        ("free@example.com", "has an account already"),
    ],
)
def test_an_address_that_cannot_be_invited_is_refused_in_words(imported: Sync, email: str, words: str) -> None:
    account("staff@example.com", is_staff=True)
    account("inactive@example.com", is_active=False)
    account("free@example.com")
    (row,) = write("responder", [Draft({"name": "Local"})], by=BY)
    link_account(row.id, account("taken@example.com").pk, by=BY)
    before = contents()
    code, out = shell("invite", "acme", email, "--json")
    found = json.loads(out)["refused"]
    assert (code, len(found), words in found[0]["error"]) == (1, 1, True)
    assert (contents(), mail.outbox) == (before, [])


def test_inviting_twice_sends_one_mail(imported: Sync) -> None:
    shell("invite", "acme", "ana@example.com")
    code, out = shell("invite", "acme", "ana@example.com", "Ana@Example.com")
    assert (code, len(mail.outbox)) == (0, 1)
    assert out.count("is invited already") == 2


def test_of_1000_pasted_addresses_each_bad_line_is_named_and_the_rest_is_done(imported: Sync, tmp_path: Path) -> None:
    lines = [f"person{n}@example.com" for n in range(1_000)]
    lines[3], lines[500], lines[999] = "no address", "рerson@example.com", "person5@example.com"
    (tmp_path / "list").write_text("\n".join(lines))
    code, out = shell("invite", "acme", "--file", str(tmp_path / "list"), "--json")
    assert (code, [each["line"] for each in json.loads(out)["refused"]]) == (3, [4, 501])
    assert Invitation.objects.count() == 997
    assert not Invitation.objects.exclude(state__in=["sent", "queued"]).exists()
    assert shell("invite", "acme", "--file", str(tmp_path / "none"))[0] == 64


def test_a_lead_proposes_and_an_administrator_approves(imported: Sync, lead: User, administrator: User) -> None:
    assert shell("invite", "acme", "ana@example.com", "--by", lead.email)[0] == 3
    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.proposed_by, mail.outbox) == ("proposed", lead, [])
    with pytest.raises(Refused, match="Only an administrator may confirm"):
        confirm(question(), lead)
    confirm(question(), administrator)
    work_off()
    invitation.refresh_from_db()
    assert (invitation.state, invitation.approved_by, len(mail.outbox)) == ("sent", administrator, 1)


def test_a_lead_cannot_approve_or_invite_people_of_other_groups(imported: Sync, lead: User) -> None:
    other = account("other-lead@example.com", Role.TEAM_LEAD)
    assert shell("invite", "acme", "ana@example.com", "--by", other.email)[0] == 1
    assert shell("invite", "acme", "ana@example.com", "--by", account("plain@example.com").email)[0] == 1
    assert not Invitation.objects.exists()
    shell("invite", "acme", "ana@example.com", "--by", lead.email)
    shell("invite", "acme", "ana@example.com", "--by", lead.email)
    assert (Invitation.objects.get().state, mail.outbox) == ("proposed", [])


def test_a_proposal_does_not_reveal_who_has_an_account(imported: Sync, lead: User, administrator: User) -> None:
    account("ana@example.com", is_staff=True)
    assert shell("invite", "acme", "ana@example.com", "--by", lead.email)[0] == 3
    with pytest.raises(Refused, match="has privileges"):
        confirm(question(), administrator)
    assert (question().state, Invitation.objects.get().state) == (ConflictState.PROPOSED, InvitationState.PROPOSED)


def test_a_declined_proposal_and_another_answer_withdraw_the_invitation(
    imported: Sync, lead: User, administrator: User
) -> None:
    decide(question(), Decision("invite", {}, lead))
    decline(question(), administrator)
    assert (question().state, Invitation.objects.get().state) == (ConflictState.OPEN, InvitationState.REVOKED)
    decide(question(), Decision("invite", {}, lead))
    decide(question(), Decision("leave", {}, administrator))
    assert (question().choice, Invitation.objects.latest("pk").state) == ("leave", InvitationState.REVOKED)


def test_a_remembered_invitation_invites_everyone_of_the_domain(sync: Sync, server: object) -> None:
    elsewhere = user("U3", "Cy", email="cy@other.example")
    sync.source.change(users=(*world().users[:2], elsewhere))
    sync.run()
    decision = Decision("invite", {}, None, remember=True)
    shown = preview(question(), decision)
    assert (shown.invitations, shown.closes) == (("ana@example.com", "bo@example.com"), (question("Bo").pk,))
    assert decide(question(), decision).invitations == shown.invitations
    assert Rule.objects.get().pattern == "*@example.com"
    assert question("Cy").state == ConflictState.OPEN
    members = (*world().teams[0].members, type(world().teams[0].members[0])("U4", "responder"))
    team = type(world().teams[0])("T1", "Platform", members=members)
    sync.source.change(users=(*world().users[:2], elsewhere, user("U4", "Dee")), teams=(team,))
    sync.run()
    assert (question("Dee").state, question("Dee").rule) == (ConflictState.DECIDED, Rule.objects.get())
    assert work_off() == 3
    before = contents()
    sync.run()
    assert contents() == before


def test_the_only_domain_of_a_source_cannot_be_remembered(imported: Sync) -> None:
    before = contents()
    with pytest.raises(Refused) as everyone:
        decide(question(), Decision("invite", {}, None, remember=True))
    assert (everyone.value.code, contents()) == ("would_match_everything", before)


def test_conflicts_prints_the_invitations_and_sends_them(imported: Sync) -> None:
    printed = document("conflicts", "--resolve", str(question().pk), "invite", "--preview")
    assert (printed["invitations"], printed["applied"], mail.outbox) == (["ana@example.com"], False, [])
    printed = document("conflicts", "--resolve", str(question().pk), "invite")
    assert (printed["invitations"], printed["state"], len(mail.outbox)) == (["ana@example.com"], "decided", 1)
    others = document("conflicts", "--resolve-all", "invite", "--kind", "user_not_found")
    assert [each["invitations"] for each in others] == [["bo@example.com"], ["cy@example.com"]]
    (ana,) = [each for each in document("conflicts", "--state", "decided") if each["label"] == "Ana"]
    assert ana["arguments"] == {"email": "ana@example.com"}
    assert ana["evidence"]["invitation"].startswith("ana@example.com was invited on")


def test_two_people_with_one_address_are_not_invited_with_it(sync: Sync) -> None:
    twin = user("U2", "Bo", email="ANA@example.com")
    sync.source.change(users=(world().users[0], twin, world().users[2]))
    sync.run()
    assert "Several people of acme have the address" in refused("ana@example.com")[0][1]
    decide(question(), Decision("invite", {}, None))
    with pytest.raises(Refused, match="is invited already, as Ana"):
        decide(question("Bo"), Decision("invite", {}, None))


def test_the_question_is_in_the_story_of_the_page(imported: Sync, client: Client, invite: Invite) -> None:
    invitation = invite()
    pass_time(invitation, hours=73)
    work_off()
    client.force_login(User.objects.create_superuser("super@example.com"))
    page: Any = client.get(f"/admin/syncjobs/conflict/{question().pk}/change/")
    assert "did not accept; the link expired" in page.content.decode()
    assert Conflict.objects.filter(state=ConflictState.OPEN).count() == 3


def test_an_address_loads_only_the_questions_that_may_have_it(sync: Sync) -> None:
    """A list of 1000 addresses of a source with 1000 people does not load a million questions."""
    people = [user(f"U{n}", f"Person {n}", email=f"person{n}@example.com") for n in range(4, 40)]
    ana = user("U1", "Ana", email=" Ana@EXÄMPLE.example")
    sync.source.change(users=(ana, *world().users[1:], *people), schedules=(schedule("S1", "S", layer("U1", "U5")),))
    sync.run()
    loaded: list[int] = []

    def note(instance: Conflict, **signal: Any) -> None:
        loaded.append(instance.pk)

    post_init.connect(note, sender=Conflict)
    try:
        invited = invite_address(sync.connection, "ana@exämple.example", None)
    finally:
        post_init.disconnect(note, sender=Conflict)
    assert invited.invitation.external_id == "U1"
    assert set(loaded) == {Conflict.objects.get(label="Ana", kind="user_not_found").pk}
