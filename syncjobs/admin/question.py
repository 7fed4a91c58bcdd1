"""The page of a question: both sides, its choices with a preview, proposals, and who it is assigned to."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from oncall.emails import canonical_email
from oncall.masking import may_see_addresses, without_addresses
from oncall.models import User
from oncall.selectors.visible import may_view_all
from syncjobs.admin.buttons import account_of
from syncjobs.admin.question_list import OrderRequest
from syncjobs.conflicts.assigning import CannotAssign, assign
from syncjobs.conflicts.audit import actor_of
from syncjobs.conflicts.concerned import Concern, concerns, sources_of
from syncjobs.conflicts.evidence import Sides, names_of_rows, sides_of
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.conflicts.words import MEANWHILE, sentence
from syncjobs.deciding.decide import Decided, Decision, confirm, decide, decline, preview
from syncjobs.deciding.rights import ANSWER, demand_right, may_answer
from syncjobs.deciding.sides import question_of
from syncjobs.models import WAITING_STATES, Awaits, Conflict, ConflictState, Rule
from syncjobs.pages.answer_forms import all_zones
from syncjobs.pages.marks import ago, kind_words, render_page, row_url, run_url
from syncjobs.pages.questions import (
    Card,
    cards_of,
    differing,
    earlier_decisions,
    effects_of,
    effects_of_proposal,
    find_people,
    label_of_choice,
    read_in_words,
    run_of,
)
from syncjobs.planning.decisions.table import find_choice
from syncjobs.planning.decisions.values import Refused

COLOURS: Final = {
    ConflictState.OPEN: "warning",
    ConflictState.PROPOSED: "warning",
    ConflictState.DECIDED: "info",
    ConflictState.CLOSED: "",
}
#: Django's parameter for the filters and the order of the list that led to the page.
FILTERS: Final = "_changelist_filters"


class QuestionPage:
    """Shows one question, and answers its forms. admin: the admin of questions of one of the sites."""

    def __init__(self, admin: Any, request: HttpRequest, pk: int | str) -> None:
        self.admin, self.request = admin, request
        self.account = account_of(request)
        self.conflict = self._load(pk)
        self.with_addresses = may_see_addresses(self.account)
        self.error = ""
        self._order_before: list[int] = []

    def _load(self, pk: int | str) -> Conflict:
        if not self.admin.has_view_permission(self.request):
            raise PermissionDenied
        rows = visible_conflicts(self.account).select_related(
            "connection", "decided_by", "proposed_by", "assignee", "rule__made_by"
        )
        try:
            return rows.get(pk=pk)
        except (Conflict.DoesNotExist, ValueError, OverflowError):
            raise Http404(f"There is no conflict {pk}.") from None

    # --- what is sent -------------------------------------------------------------------------------------------------

    def answer(self) -> HttpResponse:
        """Answer a request: show the page, or do what was pressed and show what came of it."""
        post = self.request.POST
        if self.request.method != "POST":
            return self.page()
        self._order_before = self._order()
        if "assign" in post:
            return self._assign(post)
        if "confirm" in post or "decline" in post:
            return self._settle_proposal(post)
        if "preview" in post or "answer" in post:
            return self._decide(post)
        return self.page()

    def _decide(self, post: QueryDict) -> HttpResponse:
        name = post.get("choice", "")
        cards = self._cards((name, post))
        card = next((each for each in cards if each.choice.name == name), None)
        if card is None:
            self.error = "This question does not offer this answer (any more). Nothing was written."
        elif card.form.is_valid():
            form = card.form.cleaned_data
            decision = Decision(
                name,
                card.form.arguments(),
                self.account,
                form["comment"],
                form.get("remember", False),
                post.get("evidence_hash", ""),
            )
            try:
                if "answer" in post:
                    return self._done(decide(self.conflict, decision))
                previewed = preview(self.conflict, decision)
                card.effects = effects_of(previewed, self.account, with_addresses=self.with_addresses)
            except Refused as refused:
                return self._refused(refused, card)
        return self.page(cards)

    def _refused(self, refused: Refused, card: Card | None) -> HttpResponse:
        """Show why it was refused. What was typed is kept, and the evidence is that of now."""
        self.conflict = self._load(self.conflict.pk)
        for name in ("concern", "_shown"):  # they were made from what was there before
            vars(self).pop(name, None)
        text = str(refused) if self.with_addresses else without_addresses(str(refused))
        name = card.choice.name if card else ""
        cards = self._cards((name, self.request.POST))
        again = next((each for each in cards if each.choice.name == name), None)
        if again is None:
            self.error = text
        else:
            again.error = text
            again.form.is_valid()
        return self.page(cards)

    def _done(self, decided: Decided) -> HttpResponse:
        if not decided.applied:
            messages.success(self.request, "Your answer is proposed. Who may decide it confirms or declines it.")
            return self._back()
        more = f" It also answered {len(decided.closes)} other questions." if decided.closes else ""
        waits = _waits(decided.conflict)
        reads = f"It takes effect {waits}." if waits else read_in_words(decided)
        messages.success(self.request, f"Answered: {decided.choice.label}.{more} {reads}".rstrip())
        return self._back()

    def _settle_proposal(self, post: QueryDict) -> HttpResponse:
        try:
            if "confirm" in post:
                return self._done(confirm(self.conflict, self.account, post.get("evidence_hash", "")))
            decline(self.conflict, self.account, post.get("comment", "")[:2_000].replace("\0", ""))
        except Refused as refused:
            return self._refused(refused, None)
        messages.success(self.request, "The proposal is declined. The question waits again.")
        return self._back()

    def _assign(self, post: QueryDict) -> HttpResponse:
        if not may_answer(self.account) or self.conflict.state not in WAITING_STATES:
            raise PermissionDenied
        try:
            assign(self.conflict, self._assignee(post), actor_of(self.account))
        except CannotAssign as wrong:
            self.error = str(wrong) if self.with_addresses else without_addresses(str(wrong))
            return self.page()
        messages.success(self.request, "The question is assigned.")
        return self._back()

    def _assignee(self, post: QueryDict) -> User | None:
        """Return the account to assign to: the own one, none, or one of an address. Raises CannotAssign."""
        whom = post["assign"]
        if whom == "me":
            return self.account
        if not self.account.has_perm(ANSWER):
            raise PermissionDenied
        email = post.get("assignee", "").strip()
        if whom == "nobody":
            return None
        canonical = canonical_email(email)
        account = User.objects.filter(email_canonical=canonical).first() if canonical else None
        if account is None:
            raise CannotAssign(f"No account has the address “{email[:320]}”. The question was not assigned.")
        return account

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _cards(self, given: tuple[str, Any] | None = None) -> list[Card]:
        """Return the cards of the choices. ``self.conflict`` keeps its addresses."""
        if self.conflict.state not in WAITING_STATES:
            return []
        people_url = self._url("syncjobs_conflict_people", self.conflict.pk)
        return cards_of(self.conflict, self.concern, self._shown[1], self.account, people_url, given)

    @cached_property
    def concern(self) -> Concern:
        return concerns([self.conflict], timezone.now(), account=self.request.user)[self.conflict.pk]

    @cached_property
    def _shown(self) -> tuple[Conflict, tuple[Sides, ...]]:
        """Return a copy of the question, whose addresses may be hidden, and its sides."""
        shown = self._load(self.conflict.pk)
        return shown, sides_of(shown, with_addresses=self.with_addresses)

    def page(self, cards: list[Card] | None = None) -> HttpResponse:
        request, conflict = self.request, self.conflict
        if cards is None:
            cards = self._cards()
        concern = self.concern
        sources = sources_of([conflict])[conflict.pk]
        texts = names_of_rows(conflict) if len(concern.rows) > 1 else {}
        object_words = kind_words(conflict.entity_type, plural=False)
        waiting = conflict.state in WAITING_STATES
        shown, sides = self._shown
        links = [
            (f"Open {texts.get(key, f'this {object_words}')}", url)
            for key, row_id in concern.rows.items()
            if (url := row_url(request, conflict.entity_type, row_id))
        ]
        context = {
            "conflict": shown,
            "sentence": sentence(shown, sources),
            "kind": object_words,
            "sources": sources,
            "concern": concern,
            "mark": {"text": conflict.get_state_display(), "type": COLOURS[ConflictState(conflict.state)]},
            "sides": differing(sides),
            "has_here": any(side.here is not None for side in sides),
            "has_there": any(side.there is not None for side in sides),
            "links": links if self.with_addresses else without_addresses(links),
            "since": ago(conflict.opened_at),
            "waiting": waiting,
            "meanwhile": MEANWHILE[conflict.kind],
            "cards": cards,
            "may_answer": any(card.right for card in cards),
            "may_assign": waiting and may_answer(self.account),
            "may_assign_others": waiting and self.account.has_perm(ANSWER),
            "accounts": self._accounts() if waiting else [],
            "zones": all_zones() if any("zone" in card.form.fields for card in cards) else [],
            "error": self.error,
            "decision": self._decision(),
            "earlier": self._masked(earlier_decisions(conflict)),
            "may_view_rules": self.account.is_staff and may_view_all(self.account, Rule),
            "query": request.GET.urlencode(),
            "list_url": self._list_url(),
            **self._proposal(),
            **self._neighbours(),
        }
        return render_page(self.admin, request, "syncjobs/conflict.html", str(shown), shown, **context)

    def _proposal(self) -> dict[str, Any]:
        conflict = self.conflict
        if conflict.state != ConflictState.PROPOSED:
            return {}
        choice = find_choice(question_of(conflict), conflict.choice)
        try:
            may_settle = choice is not None and demand_right(conflict, choice, self.account, self.concern) == "decide"
        except Refused:
            may_settle = False
        effects = effects_of_proposal(conflict, self.account, with_addresses=self.with_addresses)
        return {
            "proposed": label_of_choice(conflict),
            "may_settle": may_settle,
            "proposed_effects": None if isinstance(effects, str) else effects,
            "proposed_refusal": effects if isinstance(effects, str) else "",
        }

    def _decision(self) -> dict[str, Any] | None:
        conflict = self.conflict
        if conflict.state in WAITING_STATES or not conflict.choice:
            return None
        run = run_of(conflict)
        staff = self.account.is_staff and self.account.has_perm("syncjobs.view_syncrun")
        return {
            "label": label_of_choice(conflict),
            "run": run,
            "run_url": run_url(run) if run and staff else "",
            "waits": _waits(conflict),
        }

    def _masked(self, earlier: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for each in () if self.with_addresses else earlier:
            each["conflict"].comment = without_addresses(each["conflict"].comment)
        return earlier

    def _accounts(self) -> list[str]:
        """Return some addresses of staff to suggest for an assignment. Others can be typed."""
        if not (self.account.has_perm(ANSWER) and may_view_all(self.account, User)):
            return []
        return list(
            User.objects.filter(is_active=True, is_staff=True).order_by("email").values_list("email", flat=True)[:50]
        )

    # --- where it leads -----------------------------------------------------------------------------------------------

    def _neighbours(self) -> dict[str, str]:
        """Return the addresses of the previous and the next question of the list that led here.

        A question that has left the list is followed by the one that came after it, or else by the first.
        """
        order = self._order()
        pk = self.conflict.pk
        if pk in order:
            place = order.index(pk)
            before, after = order[:place][-1:], order[place + 1 :][:1]
        else:
            named = [each for each in order if str(each) == self.request.GET.get("then")]
            before, after = [], named or order[:1]
        return {
            "previous_url": self._page_url(before[0]) if before else "",
            "next_url": self._page_url(after[0]) if after else "",
        }

    def _order(self) -> list[int]:
        """Return the ids of the list that led here, in its order; of the whole list if no list led here."""
        try:
            changelist = self.admin.get_changelist_instance(OrderRequest(self.account, self._filters()))
        except (DisallowedModelAdminLookup, IncorrectLookupParameters):
            return []
        return list(changelist.order)

    def _filters(self) -> str:
        return self.request.GET.get(FILTERS, "")[:2_000]

    def _back(self) -> HttpResponseRedirect:
        order = self._order_before
        place = order.index(self.conflict.pk) + 1 if self.conflict.pk in order else 0
        then = {"then": str(order[place])} if place < len(order) else {}
        return HttpResponseRedirect(self._page_url(self.conflict.pk, **then))

    def _page_url(self, pk: int, **more: str) -> str:
        query = {**({FILTERS: self._filters()} if self._filters() else {}), **more}
        url = self._url("syncjobs_conflict_change", pk)
        return f"{url}?{urlencode(query)}" if query else url

    def _list_url(self) -> str:
        url = self._url("syncjobs_conflict_changelist")
        return f"{url}?{self._filters()}" if self._filters() else url

    def _url(self, name: str, *args: int) -> str:
        return reverse(f"{self.admin.admin_site.name}:{name}", args=args)


def _waits(conflict: Conflict) -> str:
    """Return when a decision takes effect, in words; empty if it has no later part, or if that is over."""
    if not conflict.awaits or conflict.state == ConflictState.CLOSED:
        return ""
    if conflict.awaits == Awaits.READ:
        return "with a read that starts when the active run ends"
    if conflict.awaits == Awaits.IMPORT or conflict.link is None:
        return "with this import"
    return "" if conflict.link.row_id else "with the next sync"


def people_view(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Return the people and accounts that a typed text may mean, as options."""
    page = QuestionPage(admin, request, pk)
    text = next(iter(request.GET.values()), "")
    found = find_people(page.account, str(text)) if may_answer(page.account) else []
    return render(request, "syncjobs/people_options.html", {"found": found})
