"""What to do after a run, as links: by its outcome, and by what the account may open."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from oncall.models import Schedule
from oncall.selectors.visible import Viewer, may_view_all
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.pages.marks import answering, conflicts_link
from syncjobs.pages.run.progress import totals


@dataclass(frozen=True, slots=True)
class Button:
    """text, url: of the link. main: whether it is the first thing to do."""

    text: str
    url: str
    main: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison at the end of a run found. url: the schedules that differ, or empty."""

    sentence: str
    is_good: bool
    url: str = ""


def next_buttons(run: SyncRun, viewer: Viewer, questions: int) -> tuple[Button, ...]:
    """Return the links of a run that has ended or waits. questions: the open questions of its connection."""
    if run.is_active:
        return ()
    buttons = []
    has_ended = not run.has_open_plan
    if questions and (url := conflicts_link(run.connection, viewer)):
        of_all = f" of {run.connection}" if run.scope.get("only") else ""  # they are not only of the run's objects
        buttons.append(Button(answering(questions, viewer) + of_all, url, main=has_ended))
    if run.state in (RunState.SUCCEEDED, RunState.PARTIAL) and may_view_all(viewer, Schedule):
        is_main = has_ended and not questions and bool(totals(run)["written"])
        buttons.append(Button("See schedules", schedules_url(run), main=is_main))
    is_import = run.state in (RunState.SUCCEEDED, RunState.PARTIAL) and run.kind in (RunKind.PLAN, RunKind.APPLY)
    if is_import and may_view_all(viewer, SyncProfile):
        buttons.append(Button("After the import", reverse("admin:syncjobs_syncprofile_after", args=[run.profile_id])))
    return tuple(buttons)


def compared(run: SyncRun, viewer: Viewer, number: int, different: int) -> Compared | None:
    """Return what the comparison of a run found; None if it compared nothing.

    number, different: how many schedules it compared, and how many of these differ from the source.
    """
    if not number:
        return None
    schedules = "1 schedule was" if number == 1 else f"{number} schedules were"
    before = f"{schedules} compared with the source: the same people are on call at the same times"
    if not different:
        return Compared(f"{before}.", is_good=True)
    sentence = (
        f"{before}, except in {different}."
        if different < number
        else (f"{schedules} compared with the source, and {'it differs' if number == 1 else 'all differ'}.")
    )
    url = schedules_url(run, parity="different") if may_view_all(viewer, Schedule) else ""
    return Compared(sentence, is_good=False, url=url)


def schedules_url(run: SyncRun, **filters: str) -> str:
    """Return the address of the schedules of a run's source."""
    query = urlencode({"source": run.connection.origin_label, **filters})
    return f"{reverse('admin:oncall_schedule_changelist')}?{query}"
