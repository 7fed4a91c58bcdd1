"""The people of a source: the third step of its setup, and later a page of the source."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from oncall.masking import may_see_addresses
from oncall.numbers import row_number
from syncjobs.admin.buttons import account_of
from syncjobs.admin.source.selection import CHANGE, SelectionAdmin
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.rights import ANSWER
from syncjobs.deciding.together import Together, decide_together, reason_of
from syncjobs.models import SyncProfile
from syncjobs.pages.marks import page_of, render_page, url_of_step
from syncjobs.pages.run.progress import progress
from syncjobs.pages.source.frame import frame_of
from syncjobs.pages.source.overview import why_not_read
from syncjobs.pages.source.people import people_page, questions_in, undecided_people
from syncjobs.planning.decisions.rules import INVITE
from syncjobs.planning.decisions.values import Refused
from syncjobs.setup.first_plan import is_ready, last_read
from syncjobs.setup.steps import PEOPLE, RULES, advance

#: How many people one press invites. Each answer is a run of its own.
MOST: Final = 200
LEAVE: Final = "leave"


class PeopleAdmin(SelectionAdmin):
    """Adds the page *People* to a connection."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.people_view)
        return [path("<int:object_id>/people/", view, name="connectors_connection_people"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def people_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show a bucket of people. A POST decides about those who are ticked, or about all, or goes on."""
        profile = self.profile_of(request, object_id)
        typed: dict[str, Any] = {}  # what a refused form contained
        if request.method == "POST" and (answer := self._decide(request, profile, typed)) is not None:
            return answer
        plan = last_read(profile) if profile.setup_step else None
        is_waiting = bool(profile.setup_step) and not is_ready(plan, profile)
        context = {
            "frame": frame_of(profile, PEOPLE, account_of(request)),
            "in_setup": bool(profile.setup_step),
            "connection": profile.connection,
            "may_answer": request.user.has_perm(ANSWER),
            "most": MOST,
            "typed": typed,
        }
        if is_waiting:
            context |= {"plan": plan, "is_over": plan is None or not plan.is_active}
            context |= {"not_read": why_not_read(profile.connection)}
            context |= progress(plan, request.user) if plan is not None else {}
        else:
            url, with_addresses = page_of(profile.connection, "people"), may_see_addresses(request.user)
            unapplied = plan if plan is not None and plan.has_open_plan else None
            context["shown"] = people_page(profile, unapplied, request.GET.dict(), url, with_addresses=with_addresses)
        title = f"People of {profile.connection}"
        return render_page(self, request, "syncjobs/source/people.html", title, profile.connection, **context)

    def _decide(self, request: HttpRequest, profile: SyncProfile, typed: dict[str, Any]) -> HttpResponse | None:
        """Carry out a POST. Return None if it was refused and the page is to show again what was ``typed``."""
        do = request.POST.get("do", "")
        if do in ("plan", "continue"):
            if not request.user.has_perm(CHANGE):
                raise PermissionDenied
            return self._continue(request, profile) if do == "continue" else self.planned(request, profile, PEOPLE)
        if not request.user.has_perm(ANSWER):
            raise PermissionDenied
        ticked = [row_number(each) for each in request.POST.getlist("question")][:MOST]
        waiting = questions_in(profile, "undecided").select_related("connection")
        if do in (INVITE, LEAVE):
            _say(request, decide_together(waiting.filter(pk__in=ticked), do, account_of(request)), do)
        elif do == "invite_all":
            _say(request, decide_together(waiting[:MOST], INVITE, account_of(request)), INVITE)
        elif do == "leave_all":
            self._leave_all(request, profile)
        elif do.startswith("map:") and not self._map(request, profile, pk := row_number(do.removeprefix("map:"))):
            typed |= {"question": pk, "to": request.POST.get(f"to-{pk}", ""), "ticked": ticked}
            return None
        return HttpResponseRedirect(request.get_full_path())  # to the same bucket, search and place

    def _continue(self, request: HttpRequest, profile: SyncProfile) -> HttpResponse:
        number = undecided_people(profile)
        if not is_ready(last_read(profile), profile):
            return HttpResponseRedirect(page_of(profile.connection, "people"))  # it says what is missing
        if number:
            words = "person is" if number == 1 else "people are"
            messages.error(
                request, f"{number} {words} not decided yet. Leaving somebody without an account is a decision, too."
            )
            return HttpResponseRedirect(page_of(profile.connection, "people"))
        advance(profile, RULES)
        return HttpResponseRedirect(url_of_step(profile.connection, RULES))

    def _leave_all(self, request: HttpRequest, profile: SyncProfile) -> None:
        """Leave everybody by a rule, which answers for people who come later, too."""
        first = questions_in(profile, "undecided").first()
        if first is None:
            messages.info(request, "Nobody waits for a decision any more.")
            return
        try:
            decided = decide(first, Decision(LEAVE, {}, account_of(request), remember=True))
        except Refused as refused:
            messages.error(request, str(refused))
            return
        number = 1 + len(decided.closes)
        messages.success(
            request,
            f"{number} {'person is' if number == 1 else 'people are'} left without an account. It is remembered for "
            "people of this source who come later: see Rules in the sidebar.",
        )

    def _map(self, request: HttpRequest, profile: SyncProfile, pk: int) -> bool:
        """Map the person of a question to the account that was entered. Return whether it was not refused."""
        question = questions_in(profile, "undecided").filter(pk=pk).first()
        if question is None:
            messages.info(request, "This person is decided already.")
            return True
        to = request.POST.get(f"to-{pk}", "").strip()
        try:
            decide(question, Decision("map", {"to": to}, account_of(request), evidence_hash=question.evidence_hash))
        except Refused as refused:
            messages.error(request, f"{question.label}: {reason_of(refused)}")
            return False
        messages.success(request, f"{question.label} is {to}.")
        return True


def _say(request: HttpRequest, together: Together, choice: str) -> None:
    if together.decided:
        is_one, number = together.decided == 1, together.decided
        if choice == INVITE:
            done = "person gets an invitation" if is_one else "people get an invitation"
        else:
            done = "person is left without an account" if is_one else "people are left without an account"
        messages.success(request, f"{number} {done}.")
    for refusal in together.refusals[:5]:
        messages.error(request, refusal)
    if not together.decided and not together.refusals:
        messages.info(request, "Nobody is ticked who waits for a decision. Tick people first.")
