"""What the page of a run shows beside its items: numbers with links, facts of objects, the strip, exports."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.records import FailedEntity, SourceMember, SourceTeam
from oncall.models import Schedule, User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import (
    Conflict,
    Invitation,
    InvitationState,
    Outcome,
    ParityBasis,
    ParityCheck,
    ParityJudge,
    RunKind,
    RunState,
    SyncItem,
    SyncRun,
)
from syncjobs.pages.run.exports import safe_cell
from syncjobs.pages.run.history import MOST, last_runs
from syncjobs.pages.run.items import Filter
from syncjobs.pages.run.loading import asked_questions, with_figures
from syncjobs.pages.run.phases import phases
from syncjobs.pages.run.progress import progress
from syncjobs.runs.start import start
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import Sync, layer, schedule, user, world

pytestmark = pytest.mark.django_db
LONG = "Ω" * 500


def url(run: SyncRun, page: str = "change", *more: int) -> str:
    return reverse(f"admin:syncjobs_syncrun_{page}", args=[run.pk, *more])


def read(client: Client, run: SyncRun, page: str = "change", *more: int, **query: str) -> str:
    answer = client.get(url(run, page, *more), query)
    assert answer.status_code == 200
    return b"".join(answer).decode()


def listed(client: Client, address: str) -> int:
    """Return the number of rows of a list."""
    answer = client.get(address)
    assert answer.status_code == 200
    return int(answer.context["cl"].result_count)


def table(page: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(page)))


def test_the_title_names_a_run_by_what_it_is(sync: Sync, admin_client: Client) -> None:
    plan = sync.plan()
    assert "<title> Plan of acme, run" in " ".join(read(admin_client, plan).split())
    assert "<title> Import of acme, run" in " ".join(read(admin_client, sync.run()).split())


def test_each_number_with_a_link_is_the_number_of_items_behind_it(sync: Sync, admin_client: Client) -> None:
    sync.source.change(failed=(FailedEntity("schedule", "S9", "no_length", "layers", "A layer has no length."),))
    run = sync.plan()
    left_out = run.items.filter(entity_type="responder").first()
    assert left_out is not None
    SyncItem.objects.filter(pk=left_out.pk).update(ticked=False)
    admin_client.post(url(run, "apply"))
    sync.drive(run)
    run.refresh_from_db()
    linked = [
        (number, Filter.read(QueryDict(query)).items(run).count())
        for row in progress(run, AnonymousUser())["table"]
        for _, number, _, query in row["cells"]
        if number and query
    ]
    assert [number for number, _ in linked] == [behind for _, behind in linked]
    assert {"outcome=applied", "outcome=skipped", "outcome=failed"} <= {
        query.partition("&")[2]
        for row in progress(run, AnonymousUser())["table"]
        for _, number, _, query in row["cells"]
        if number
    }


def test_questions_are_counted_by_whether_they_still_wait(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    asked = asked_questions(with_figures(SyncRun.objects.all()).get(), User.objects.get(is_superuser=True))
    assert [(kind, each.waiting, each.answered) for kind, each in asked.items()] == [("responder", 3, 0)]
    assert "3 wait</a>" in read(admin_client, run)
    first, second, _ = Conflict.objects.order_by("pk")
    decide(first, Decision("leave", {}, None))
    page = read(admin_client, run)
    link = re.search('<a class="rb-quiet-link rb-number-conflict" href="([^"]+)">2 wait</a>, 1 answered', page)
    assert link
    assert listed(admin_client, unescape(link[1])) == 2
    later = sync.run()
    assert "2 wait</a></td>" in read(admin_client, later)  # the answered question was not asked again
    for each in Conflict.objects.filter(state="open"):
        decide(each, Decision("leave", {}, None))
    page = read(admin_client, run)
    assert "rb-number-conflict" not in page
    assert "3 answered</td>" in page
    Conflict.objects.filter(pk=second.pk).update(state="closed", decided_at=None)
    assert "2 answered</td>" in read(admin_client, run)


def test_questions_of_later_runs_are_not_those_of_a_run(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    sync.source.change(
        users=(*world().users, user("U4", "Di")), schedules=(schedule("S1", "Primary", layer("U1", "U4")),)
    )
    assert "4 wait</a>" in read(admin_client, sync.run())
    page = read(admin_client, run)
    (link,) = re.findall('href="([^"]+)">3 wait</a>', page)
    assert listed(admin_client, unescape(link)) == 3


def test_somebody_who_may_not_open_questions_sees_their_number_only(sync: Sync) -> None:
    page = read(staff("view_syncrun"), sync.run())
    assert '<span class="rb-number-conflict">3 wait</span>' in page


def test_phases_have_times_and_end_where_the_run_ends(sync: Sync) -> None:
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    assert [step.state for step in phases(run)] == ["now", "next", "next", "next", "next"]
    sync.drive(run)
    run.refresh_from_db()
    assert [step.state for step in phases(run)] == ["done", "done", "now", "next", "next"]
    begun = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
    run.created_at, run.started_at, run.planned_at = begun, begun + timedelta(seconds=2), begun + timedelta(seconds=9)
    wait, compare, *_ = phases(run)
    assert (wait.note, compare.note) == ("2 seconds", "7 seconds, until 05:00:09 UTC")
    run.state, run.phase = RunState.RUNNING, "apply"
    assert [step.state for step in phases(run)] == ["done", "done", "done", "now", "next"]
    run.state, run.finished_at = RunState.SUCCEEDED, begun + timedelta(seconds=70)
    assert phases(run)[-1].note == "ended 05:01:10 UTC"
    run.state = RunState.FAILED
    assert [step.state for step in phases(run)] == ["done", "done", "done", "failed", "next"]
    run.kind = RunKind.UNDO
    assert phases(run) == ()


def test_a_run_that_failed_while_reading_shows_where(sync: Sync) -> None:
    sync.source.error = RuntimeError("boom")
    run = sync.plan()
    assert [step.state for step in phases(run)] == ["done", "failed", "next", "next", "next"]


def test_objects_are_shown_with_their_pattern_levels_members_and_logins(sync: Sync, admin_client: Client) -> None:
    members = tuple(SourceMember(f"U{number}", "responder") for number in (1, 2, 3))
    sync.source.change(teams=(SourceTeam("T1", "Platform", members=members),))
    run = sync.run()
    page = read(admin_client, run)
    assert "Layer 1: Ana → Bo → Ana, hands over every week" in page
    assert "schedule Primary" in page
    assert "3 members: " in page
    Invitation.objects.create(
        connection=sync.connection,
        external_id="U1",
        email="ana@example.com",
        state=InvitationState.SENT,
        created_at=timezone.now(),
    )
    page = read(admin_client, run, kind="responder")
    assert "invitation sent" in page
    assert "no account, not invited" in page


def test_a_failed_item_says_its_code_what_was_kept_and_can_be_retried(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    item = run.items.get(entity_type="schedule")
    SyncItem.objects.filter(pk=item.pk).update(outcome=Outcome.FAILED, code="refused", reason="The name is taken.")
    page = read(admin_client, run, outcome="failed")
    assert "The name is taken." in page and "(refused)" in page
    assert "It is here as it was before this run." in page
    assert url(run, "sync_item", item.pk) in page and "Retry this" in page


def test_an_item_is_a_page_of_its_own_without_scripts(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    item = run.items.get(entity_type="schedule")
    whole = read(admin_client, run, "item", item.pk)
    assert "<html" in whole and "Back to the run" in whole and "hands over every week" in whole
    assert url(run, "item", item.pk) in read(admin_client, run)
    fragment = admin_client.get(url(run, "item", item.pk), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and "hands over every week" in fragment


def check(sync: Sync, run: SyncRun, equal: int) -> None:
    at = timezone.now()
    ParityCheck.objects.filter(run=run).delete()
    ParityCheck.objects.create(
        run=run,
        connection=sync.connection,
        schedule=Schedule.objects.get(),
        external_id="S1",
        judge=ParityJudge.VENDOR,
        basis=ParityBasis.SYNC,
        measured_at=at,
        since=at,
        until=at + timedelta(days=14),
        equal_seconds=equal,
        total_seconds=100,
    )


def test_what_the_comparison_found_is_said_with_a_link_to_what_differs(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    ParityCheck.objects.filter(run=run).delete()
    assert "compared with the source:" not in read(admin_client, run)
    check(sync, run, 100)
    assert "1 schedule was compared with the source: the same people" in read(admin_client, run)
    check(sync, run, 99)
    page = read(admin_client, run)
    assert "1 schedule was compared with the source, and it differs." in page
    assert "parity=different" in page


def test_buttons_follow_the_outcome(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(user("U1", "Ana"), user("U2", "Bo"), user("U3", "Cy")))
    run = sync.run()
    page = read(admin_client, run)
    assert "See schedules" in page and "Undo…" in page
    number = read(admin_client, run).count("Answer ")
    assert number == 1
    viewer = staff("view_syncrun")
    page = viewer.get(url(run)).content.decode()
    assert "See schedules" not in page and "Undo…" not in page and "Answer " not in page


def test_the_questions_behind_a_run_of_one_object_are_those_of_its_source(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(user("U1", "Ana"), user("U2", "Bo"), user("U3", "Cy")))
    sync.run()
    run = sync.run(only=[("responder", "U1")])
    assert re.search(r"Answer \d+ questions? of acme<", read(admin_client, run))


def test_the_strip_shows_the_last_ten_runs_of_the_source_only(sync: Sync) -> None:
    Sync("other").run()
    runs = [sync.plan() for _ in range(MOST + 2)]
    segments = last_runs(runs[-1])
    assert [segment.url for segment in segments] == [url(run) for run in runs[-MOST:]]
    assert [segment.is_this for segment in segments] == [False] * (MOST - 1) + [True]
    assert segments[-1].title.startswith(f"Run {runs[-1].pk}: plan, awaiting review")


# --- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [*"=+-@−", *"＝＋－＠", *"﹢﹣﹦﹫"])
@pytest.mark.parametrize(
    "before", ["", " ", "\u00a0", "\u3000", "\t", "\r", "\n", "\u200b", "\ufeff", "\x01", "\u202e"]
)
def test_no_cell_of_an_export_is_a_formula(before: str, sign: str) -> None:
    assert safe_cell(f"{before}{sign}1").replace("'", "") == f"{before}{sign}1"
    assert safe_cell(f"{before}{sign}1").startswith("'")
    assert f"'{sign}1" in safe_cell(f"Ana;{before}{sign}1") or f";'{before}{sign}1" in safe_cell(f"Ana;{before}{sign}1")
    for text in ("", "Ana =1", "Ana", "'=1", "\u200b", "Ω"):
        assert safe_cell(text) == text
    assert all(safe_cell(f"{each}Ana") == f"'{each}Ana" for each in "\t\r\n;")


def test_no_cell_of_an_export_is_split(sync: Sync, admin_client: Client) -> None:
    names = ("A;=1+1", "A\t=1+1", 'A";=1+1', "A,=1+1")
    sync.source.change(schedules=[schedule(f"S{n}", name, layer("U1")) for n, name in enumerate(names)])
    page = read(admin_client, sync.run(), "export", kind="schedule")
    for delimiter in ",;\t":  # as spreadsheets of different languages read the file
        cells = [cell for line in csv.reader(StringIO(page), delimiter=delimiter) for cell in line]
        assert cells
        assert not any(cell.lstrip(";,\t").startswith("=") for cell in cells), delimiter


def test_the_export_has_the_items_that_the_filters_show(sync: Sync, admin_client: Client) -> None:
    sync.source.change(schedules=(schedule("S1", '=HYPERLINK("//x","y")', layer("U1")),))
    run = sync.run()
    lines = table(read(admin_client, run, "export"))
    assert len(lines) == run.items.count()
    of_schedules = table(read(admin_client, run, "export", kind="schedule"))
    assert [line["name"] for line in of_schedules] == ['\'=HYPERLINK("//x","y")']
    document = json.loads(read(admin_client, run, "export", kind="schedule", **{"as": "json"}))
    assert document["run"] == run.pk
    assert [item["name"] for item in document["items"]] == ['=HYPERLINK("//x","y")']
    assert document["items"][0]["fields"]["name"][1] == '=HYPERLINK("//x","y")'


def test_an_export_hides_addresses_from_those_who_may_not_see_them(sync: Sync) -> None:
    run, viewer = sync.run(), staff("view_syncrun")
    for form in ("csv", "json"):
        page = read(viewer, run, "export", **{"as": form})
        assert "example.com" not in page and "Primary" in page
    assert table(read(viewer, run, "export", q="@")) == []


def test_an_export_has_no_secrets(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    SyncItem.objects.filter(run=run).update(reason="Authorization: Bearer abcdef0123456789abcdef0123456789")
    assert "abcdef0123456789" not in read(admin_client, run, "export")


def test_an_export_needs_the_right_to_see_runs(sync: Sync) -> None:
    run = sync.run()
    assert staff("view_connection").get(url(run, "export")).status_code == 403


# --- large, strange and ended -----------------------------------------------------------------------------------------


def test_ten_thousand_items_cost_ten_queries_and_a_small_page(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    few = queries(admin_client, url(run))
    first = run.items.get(entity_type="schedule")
    SyncItem.objects.bulk_create(
        SyncItem(
            run=run,
            entity_type="schedule",
            external_id=f"X{number}",
            label=f"{number} {LONG}"[:200],
            action="create",
            outcome=Outcome.APPLIED,
            changes=first.changes,
        )
        for number in range(10_000)
    )
    assert queries(admin_client, url(run)) <= max(few, 10) <= 10
    assert len(read(admin_client, run)) < 300_000


@pytest.mark.parametrize("name", [HOSTILE, LONG[:200], "\u202eanA\u202c 🚨 אדה"])
def test_strange_names_are_text_on_the_page_and_in_files(sync: Sync, admin_client: Client, name: str) -> None:
    sync.source.change(schedules=(schedule("S1", name, layer("U1")),))
    run = sync.run()
    page = read(admin_client, run, kind="schedule")
    if name == HOSTILE:
        assert_harmless(page)
    else:
        assert name in page
    assert [line["name"] for line in table(read(admin_client, run, "export", kind="schedule"))] == [name]


def test_a_run_of_a_disconnected_source_is_shown_without_buttons_that_would_read_it(
    sync: Sync, admin_client: Client
) -> None:
    run = sync.run()
    disconnect(sync.connection)
    page = read(admin_client, run)
    assert "Plan again" not in page and "Retry this" not in page
    assert "See schedules" in page


def test_a_second_click_on_apply_starts_nothing_twice(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    answers = [admin_client.post(url(run, "apply"), follow=True) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert SyncRun.objects.count() == 1
    sync.drive(run)
    assert admin_client.post(url(run, "apply"), follow=True).status_code == 200
    assert SyncRun.objects.count() == 1


def test_a_session_that_ended_leads_to_the_login_and_back(sync: Sync, client: Client) -> None:
    run = sync.plan()
    answer = client.post(url(run, "apply"))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/?next=")
    run.refresh_from_db()
    assert run.state == RunState.AWAITING_REVIEW


def test_a_run_that_read_nothing_shows_no_table_of_numbers(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    assert "Fetched" in read(admin_client, run)
    question = Conflict.objects.filter(kind="user_not_found").earliest("pk")
    decided = decide(question, Decision("leave", {}, None))
    assert decided.run is not None
    assert "Fetched" not in read(admin_client, decided.run)
