"""The people of a source in buckets, also when there are thousands."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oncall.models import User
from oncall.operations import Actor, create_account
from syncjobs.models import Conflict, ExternalLink, SyncRun
from syncjobs.pages.source.people import PER_PAGE, people_page
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, staff
from tests.syncjobs.conftest import Sync, user, world
from tests.syncjobs.source.conftest import in_setup, url

pytestmark = pytest.mark.django_db


def ask_about(sync: Sync, number: int, label: str = "Person") -> None:
    Conflict.objects.bulk_create(
        Conflict(
            connection=sync.connection, kind="user_not_found", subject_key=f"{label}{n}", entity_type="responder",
            external_id=f"{label}{n}", label=f"{label} {n:04}", evidence={"email": f"{label.lower()}{n}@example.com"},
            opened_at=timezone.now(),
        )
        for n in range(number)
    )  # fmt: skip


def test_a_page_of_five_thousand_people_is_small_and_costs_few_queries(sync: Sync, admin_client: Client) -> None:
    sync.run()
    admin_client.get(url(sync.connection, "people"))
    ask_about(sync, 5_000)
    with CaptureQueriesContext(database) as captured:
        page = admin_client.get(url(sync.connection, "people"))
    assert len(captured) <= 10
    assert len(page.content) <= 300_000
    shown = page.context["shown"]
    assert (shown.undecided, shown.total, len(shown.people)) == (5_003, 5_003, 50)
    assert "Invite the first 200" in page.content.decode()
    later = admin_client.get(shown.later).context["shown"]
    assert (later.first, later.people[0].name) == (51, "Person 0047")
    found = admin_client.get(url(sync.connection, "people"), {"bucket": "undecided", "q": "PERSON4999@"})
    assert [each.name for each in found.context["shown"].people] == ["Person 4999"]


def test_the_plan_says_who_is_matched_before_anything_is_imported(sync: Sync) -> None:
    create_account("bo@example.com", name="Bo here")
    run = sync.plan()
    shown = people_page(sync.profile, run, {"bucket": "matched"}, "/people/", with_addresses=True)
    assert [(each.name, each.email) for each in shown.people] == [("Bo", "bo@example.com")]
    assert {each.name: each.count for each in shown.buckets} == {
        "undecided": 2, "matched": 1, "invite": 0, "leave": 0,
    }  # fmt: skip
    sync.apply(run)
    shown = people_page(sync.profile, None, {"bucket": "matched"}, "/people/", with_addresses=True)
    assert [(each.name, each.email) for each in shown.people] == [("Bo", "bo@example.com")]
    hidden = people_page(sync.profile, None, {"bucket": "undecided"}, "/people/", with_addresses=False)
    assert {each.email for each in hidden.people} == {""}


def matched_once(client: Client, people: str) -> bool:
    """Returns whether each person is listed once, in one bucket."""
    shown = client.get(people, {"bucket": "matched"}).context["shown"]
    counts = {bucket.name: bucket.count for bucket in shown.buckets}
    return [each.name for each in shown.people] == ["Ana"] and sum(counts.values()) == 3 and shown.total == 1


def test_a_refused_address_and_the_ticks_stay_on_the_page(sync: Sync, admin_client: Client) -> None:
    sync.plan()
    in_setup(sync, "people")
    ana, other = Conflict.objects.filter(kind="user_not_found").order_by("label")[:2]
    people = f"{url(sync.connection, 'people')}?bucket=undecided"
    sent = {"do": f"map:{ana.pk}", f"to-{ana.pk}": "nobody-here@example.com", "question": [other.pk]}
    page = admin_client.post(people, sent).content.decode()
    assert f'name="to-{ana.pk}" maxlength="254" value="nobody-here@example.com"' in page
    assert f'name="question" value="{other.pk}" checked' in page
    assert page.count(" checked") == 1
    assert admin_client.post(people, {"do": "leave", "question": [other.pk]}).headers["Location"] == people


def test_who_is_mapped_before_the_import_is_matched_by_it(sync: Sync, admin_client: Client) -> None:
    account = create_account("elsewhere@example.com", name="Ana here")
    run = sync.plan()
    in_setup(sync, "people")
    question = Conflict.objects.get(label="Ana")
    people = url(sync.connection, "people")
    admin_client.post(people, {"do": f"map:{question.pk}", f"to-{question.pk}": account.email})
    shown = admin_client.get(people, {"bucket": "matched"}).context["shown"]
    assert [(each.name, each.answer) for each in shown.people] == [("Ana", "is elsewhere@example.com")]
    # The answer changes an item of the plan, so that the review makes another one.
    assert "changed after the last plan" in admin_client.get(url(sync.connection, "review")).content.decode()
    admin_client.post(url(sync.connection, "review"), {"do": "plan"})
    again = sync.drive(SyncRun.objects.exclude(kind="decision").latest("pk"))
    assert again.pk != run.pk
    assert "Start the import" in admin_client.get(url(sync.connection, "review")).content.decode()
    assert matched_once(admin_client, people)
    sync.apply(again)
    assert matched_once(admin_client, people)
    link = ExternalLink.objects.get(external_id="U1", entity_type="responder")
    assert link.responder is not None
    assert link.responder.account == account


def test_a_refused_invitation_names_the_people_and_what_to_do(sync: Sync, admin_client: Client) -> None:
    sync.run()
    ask_about(sync, 5)
    Conflict.objects.filter(label__startswith="Person").update(evidence={"email": ""})
    ticked = list(Conflict.objects.filter(label__startswith="Person").values_list("pk", flat=True))
    page = admin_client.post(url(sync.connection, "people"), {"do": "invite", "question": ticked}, follow=True)
    assert [str(each) for each in page.context["messages"]] == [
        "Person 0000, Person 0001, Person 0002 and 2 more: the source reports no e-mail address. Answer this question "
        "alone with an address, or leave the person without an account."
    ]
    assert 'href="/admin/syncjobs/conflict/' in page.content.decode()


def test_what_was_decided_about_people_is_said_with_their_number(sync: Sync, admin_client: Client) -> None:
    sync.run()
    ask_about(sync, 6)
    people = url(sync.connection, "people")
    ids = list(Conflict.objects.filter(label__startswith="Person").values_list("pk", flat=True))

    def said(do: str, *ticked: int) -> list[str]:
        page = admin_client.post(people, {"do": do, "question": ticked}, follow=True)
        return [str(each) for each in page.context["messages"]]

    assert said("leave", ids[0]) == ["1 person is left without an account."]
    assert said("leave", *ids[1:3]) == ["2 people are left without an account."]
    assert said("invite", ids[3]) == ["1 person gets an invitation."]
    assert said("invite", *ids[4:]) == ["2 people get an invitation."]
    assert said("invite") == ["Nobody is ticked who waits for a decision. Tick people first."]
    assert said("leave_all") == [
        "3 people are left without an account. It is remembered for people of this source who come later: see Rules in "
        "the sidebar."
    ]
    assert said("leave_all") == ["Nobody waits for a decision any more."]


def test_each_person_of_a_bucket_is_on_one_of_its_pages(sync: Sync, admin_client: Client) -> None:
    for name in ("ana", "bo"):
        create_account(f"{name}@example.com", name=name)
    sync.run()
    ask_about(sync, 2 * PER_PAGE + 7)
    people = url(sync.connection, "people")
    for bucket, state, choice, others in (
        ("undecided", "open", "", {"Cy"}),
        ("matched", "decided", "map", {"Ana", "Bo"}),
        ("leave", "decided", "skip", set()),
    ):
        Conflict.objects.filter(label__startswith="Person").update(state=state, choice=choice)
        listed: list[str] = []
        for page in (1, 2, 3):
            shown = admin_client.get(people, {"bucket": bucket, "page": page}).context["shown"]
            assert len(shown.people) <= PER_PAGE
            assert shown.first == len(listed) + 1
            listed += [each.name for each in shown.people]
            assert shown.last == len(listed)
        count = next(each.count for each in shown.buckets if each.name == bucket)
        assert len(listed) == len(set(listed)) == count == shown.total
        assert shown.later == ""
        assert {name for name in listed if not name.startswith("Person")} == others


def test_the_page_opens_with_the_first_bucket_that_has_people(sync: Sync, admin_client: Client) -> None:
    sync.run()
    ask_about(sync, PER_PAGE + 1)
    people = url(sync.connection, "people")
    page = admin_client.get(people)
    assert page.context["shown"].bucket == "undecided"
    assert f"1 to {PER_PAGE} of {page.context['shown'].total}" in page.content.decode()
    for choice, bucket in (("skip", "leave"), ("invite", "invite"), ("map", "matched")):
        Conflict.objects.update(state="decided", choice=choice)
        assert admin_client.get(people).context["shown"].bucket == bucket
    Conflict.objects.all().delete()
    assert admin_client.get(people).context["shown"].bucket == "matched"


def test_hostile_names_are_text(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(user("U1", HOSTILE, email="x@example.com"), *world().users[1:]))
    sync.run()
    assert_harmless(admin_client.get(url(sync.connection, "people")).content.decode())
    admin_client.post(url(sync.connection, "people"), {"do": "leave_all"})
    assert_harmless(admin_client.get(url(sync.connection, "people"), {"bucket": "leave"}).content.decode())


def test_numbers_that_no_page_sends_decide_nothing(sync: Sync, admin_client: Client) -> None:
    sync.run()
    many = "9" * 5_000
    for data in (
        {"do": "leave", "question": ["x", "0", many]},
        {"do": "map:x"},
        {"do": f"map:{many}"},
        {"do": "other"},
    ):
        assert admin_client.post(url(sync.connection, "people"), data).status_code == 302
    assert set(Conflict.objects.filter(kind="user_not_found").values_list("state", flat=True)) == {"open"}


def test_addresses_are_hidden_from_who_may_not_see_people(sync: Sync, admin_user: User) -> None:
    sync.run()
    page = staff("view_connection", "view_syncprofile").get(url(sync.connection, "people")).content.decode()
    assert "Ana" in page
    assert "ana@example.com" not in page


def test_a_search_finds_no_address_for_who_may_not_see_people(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(*world().users, user("U8", "dan@example.com", email="dan@example.com")))
    for name in ("Dan", "Ana"):
        create_account(email=f"{name.lower()}@example.com", password="long-enough-1", by=Actor(None, "test"))
    sync.run()
    ask_about(sync, 3)
    viewer, people = staff("view_connection", "view_syncprofile"), url(sync.connection, "people")
    for decided, bucket in (("open", "undecided"), ("map", "matched"), ("invite", "invite"), ("skip", "leave")):
        if decided != "open":
            Conflict.objects.filter(label__startswith="Person").update(state="decided", choice=decided)
        for text in ("person1@example.com", "person1@", "@example", "dan@example.com"):
            query = {"bucket": bucket, "q": text}
            assert viewer.get(people, query).context["shown"].people == (), query
        assert len(viewer.get(people, {"bucket": bucket, "q": "Person"}).context["shown"].people) == 3
        assert len(admin_client.get(people, {"bucket": bucket, "q": "person1@ex"}).context["shown"].people) == 1
