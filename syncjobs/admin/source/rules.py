"""The rules of a source: the fourth step of its setup, and later a page of the source."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from syncjobs.admin.buttons import account_of
from syncjobs.admin.source.people import PeopleAdmin
from syncjobs.admin.source.selection import CHANGE
from syncjobs.models import Strategy, SyncProfile
from syncjobs.pages.automatic import EXAMPLES, calls_of_last_sync, cost_in_words
from syncjobs.pages.marks import render_page, url_of_step
from syncjobs.pages.source.frame import frame_of
from syncjobs.setup.profile_form import RulesForm
from syncjobs.setup.steps import REVIEW, RULES
from syncjobs.slots.every import OFF


class RulesAdmin(PeopleAdmin):
    """Adds the page *Rules* to a connection."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rules_view)
        return [path("<int:object_id>/rules/", view, name="connectors_connection_rules"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def rules_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the rules. A POST stores them; during the setup, it goes on to the review."""
        profile = self.profile_of(request, object_id)
        if request.method == "POST":
            if not request.user.has_perm(CHANGE):
                raise PermissionDenied
            form = RulesForm(request.POST, instance=profile)
            if profile.setup_step and request.POST.get("do") == "keep":  # each change, so that a closed tab loses none
                form.full_clean()
                form.save()
                return HttpResponse(status=204)
            if form.is_valid():
                return self._rules_saved(request, form)
            profile = SyncProfile.objects.select_related("connection").get(pk=profile.pk)  # the form has changed it
        else:
            form = RulesForm(instance=profile)
        context: dict[str, Any] = {
            "frame": frame_of(profile, RULES, account_of(request)),
            "in_setup": bool(profile.setup_step),
            "form": form,
            "examples": EXAMPLES,
            "may_change": request.user.has_perm(CHANGE),
        }
        title = f"Rules of {profile.connection}"
        return render_page(self, request, "syncjobs/source/rules.html", title, profile.connection, **context)

    def _rules_saved(self, request: HttpRequest, form: RulesForm) -> HttpResponse:
        changed = form.changed_data
        profile = form.save()
        connection = profile.connection
        if changed:
            self.log_change(request, connection, f"Rules: {', '.join(sorted(changed))}.")
        if "strategy" in changed and profile.strategy == Strategy.OVERWRITE and not profile.setup_step:
            messages.warning(
                request,
                "From now on the source overwrites local edits. Plan first, and look at these edits.",
            )
        cost = "" if profile.every == OFF else cost_in_words(profile.every, calls_of_last_sync(connection.pk))
        if cost:
            messages.warning(request, cost)
        if profile.setup_step:
            return self.planned(request, profile, REVIEW)
        messages.success(request, "The rules are saved. The next sync applies them; a plan shows the effect first.")
        return HttpResponseRedirect(url_of_step(connection, RULES))
