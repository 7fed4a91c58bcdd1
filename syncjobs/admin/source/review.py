"""The last page of the setup of a source: everything that was chosen, and the start of the import."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from connectors.admin.connections import START
from oncall.masking import may_see_addresses
from oncall.numbers import row_number
from syncjobs.admin.buttons import account_of, refuse
from syncjobs.admin.source.rules import RulesAdmin
from syncjobs.admin.source.selection import CHANGE
from syncjobs.errors import RunAlreadyActive, StalePlan
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.pages.marks import connection_url, page_of, render_page, run_url
from syncjobs.pages.run.progress import progress
from syncjobs.pages.source.frame import frame_of
from syncjobs.pages.source.overview import why_not_read
from syncjobs.pages.source.people import people_page
from syncjobs.pages.source.review import review_of
from syncjobs.runs.changed_rules import is_approved
from syncjobs.setup.first_plan import APPLIED, is_current, is_settled, last_read, start_import
from syncjobs.setup.steps import REVIEW, finish


class ReviewAdmin(RulesAdmin):
    """Adds the page *Review* to a connection that is being set up."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.review_view)
        return [path("<int:object_id>/review/", view, name="connectors_connection_review"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def review_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the review. A POST starts the import, plans again, or ends the setup after an import from elsewhere."""
        profile = self.profile_of(request, object_id)
        if request.method == "POST":
            return self._review_do(request, profile)
        if not profile.setup_step:
            return HttpResponseRedirect(connection_url(profile.connection))
        run = last_read(profile)
        context: dict[str, Any] = {
            "frame": frame_of(profile, REVIEW, account_of(request)),
            "connection": profile.connection,
            "plan": run,
            "may_start": request.user.has_perm(START),
        }
        if run is not None and is_current(run, profile) and run.has_open_plan and is_settled(run):
            with_addresses = may_see_addresses(request.user)
            url = page_of(profile.connection, "people")
            people = people_page(profile, run, {"bucket": "invite"}, url, with_addresses=with_addresses).buckets
            context["review"] = review_of(profile, run, people, with_addresses=with_addresses)
            context["run_url"] = run_url(run)
        else:
            context |= {"is_over": run is None or not run.is_active, "not_read": why_not_read(profile.connection)}
            context |= {"is_done": run is not None and run.state in APPLIED}
            # A plan that nobody approved ends in such a state only if there is nothing to approve.
            context |= {"was_imported": run is not None and (run.kind != RunKind.PLAN or is_approved(run))}
            context |= progress(run, request.user) if run is not None else {}
        title = f"Review the import of {profile.connection}"
        return render_page(self, request, "syncjobs/source/review.html", title, profile.connection, **context)

    def _review_do(self, request: HttpRequest, profile: SyncProfile) -> HttpResponse:
        do = request.POST.get("do", "")
        if not request.user.has_perms([START, CHANGE]):
            raise PermissionDenied
        if do == "plan":
            return self.planned(request, profile, REVIEW)
        if do == "finish":
            run = last_read(profile)
            if run is None or run.state not in APPLIED:
                messages.error(request, "Nothing is imported yet, so the setup goes on. Start the import first.")
                return HttpResponseRedirect(page_of(profile.connection, "review"))
            finish(profile)
            messages.success(request, f"{profile.connection} is set up.")
            return HttpResponseRedirect(connection_url(profile.connection))
        try:
            run = start_import(profile, row_number(request.POST.get("run", "")), account_of(request))
        except SyncRun.DoesNotExist:
            messages.error(
                request, "The plan that was to be applied does not exist. Nothing was written. Review again."
            )
        except StalePlan as stale:
            messages.error(request, str(stale))
        except RunAlreadyActive as active:
            refuse(request, str(active), active.run)
        else:
            return HttpResponseRedirect(run_url(run))
        return HttpResponseRedirect(page_of(profile.connection, "review"))
