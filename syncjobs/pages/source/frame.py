"""The frame of the pages of a source: the steps of its setup, and afterwards the tabs."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from connectors.models import Connection
from oncall.models import User
from oncall.parts import Step, StepState
from syncjobs.models import SyncProfile
from syncjobs.pages.marks import STEP_PAGES, page_of, url_of_step
from syncjobs.setup.steps import CONNECT, STEPS, is_after

_TABS: Final = (("Overview", "change"), ("Selection", "import"), ("People", "people"), ("Rules", "rules"))


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a source."""

    word: str
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands above a page of a source: the steps during the setup, the tabs afterwards.

    back, onward: addresses of the steps before and after this one; empty if there is none.
    """

    steps: tuple[Step, ...] = ()
    tabs: tuple[Tab, ...] = ()
    back: str = ""
    onward: str = ""


def frame_of_draft() -> Frame:
    """Return the frame of the first step, before there is a connection."""
    return Frame(_steps(CONNECT, CONNECT, None))


def frame_of(profile: SyncProfile, step: str, viewer: User) -> Frame:
    """Return the frame of a page. step: the page's step of the setup, CONNECT for the overview, or the name of a tab.

    profile: with its connection.
    """
    connection = profile.connection
    if not profile.setup_step:
        here = STEP_PAGES.get(step, "change" if step == CONNECT else step)
        tabs = [Tab(word, page_of(connection, name), name == here) for word, name in _TABS]
        if viewer.has_perm("syncjobs.view_syncrun"):
            runs = f"{reverse('admin:syncjobs_syncrun_changelist')}?connection__id__exact={connection.pk}"
            tabs.append(Tab("Runs", runs, False))
        if viewer.has_perm("connectors.change_connection"):
            tabs.append(Tab("Credential", page_of(connection, "key"), here == "key"))
        return Frame(tabs=tuple(tabs))
    order = [name for name in STEPS if name in (CONNECT, *STEP_PAGES)]
    at = order.index(step) if step in order else 0
    back = url_of_step(connection, order[at - 1]) if at else ""
    onward = url_of_step(connection, order[at + 1]) if at + 1 < len(order) else ""
    return Frame(_steps(step, profile.setup_step, connection), back=back, onward=onward)


def _steps(here: str, reached: str, connection: Connection | None) -> tuple[Step, ...]:
    found = []
    for name, word in STEPS.items():
        may_open = connection is not None and (name == CONNECT or name in STEP_PAGES) and not is_after(name, reached)
        url = url_of_step(connection, name) if may_open and connection is not None and name != here else ""
        state: StepState = "now" if name == here else "done" if is_after(reached, name) else "next"
        found.append(Step(word, state, url))
    return tuple(found)
