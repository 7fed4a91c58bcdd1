"""The pages of django-celery-beat, which accept every text that a browser can send."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from oncall.admin.base.lookups import DeclaredLookups


class TaskForm(beat.PeriodicTaskForm):
    def clean(self) -> Any:
        # The package expects that the name of the task is valid.
        self.cleaned_data.setdefault("task", "")
        return super().clean()  # type: ignore[no-untyped-call]


class TaskAdmin(DeclaredLookups[PeriodicTask], beat.PeriodicTaskAdmin):
    form = TaskForm

    def get_actions(self, request: HttpRequest) -> Any:
        """The package's actions change or run tasks without a permission; here they need that to change tasks."""
        found = super().get_actions(request)
        return found if self.has_change_permission(request) else {}

    def run_tasks(self, request: HttpRequest, queryset: "QuerySet[PeriodicTask]") -> None:
        """Runs the tasks that exist and names the others. The package runs none if one is missing."""
        self.celery_app.loader.import_default_modules()
        missing = [row for row in queryset if row.task not in self.celery_app.tasks]
        for row in missing:
            self.message_user(request, f"{row.name} was not run: there is no task {row.task}.", messages.ERROR)
        known = queryset.exclude(pk__in=[row.pk for row in missing])
        if known.exists():
            super().run_tasks(request, known)  # type: ignore[no-untyped-call]


class CrontabAdmin(DeclaredLookups[CrontabSchedule], beat.CrontabScheduleAdmin):
    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        # The form would contain the default as a second text, which is read as a time zone without a check.
        return super().formfield_for_dbfield(db_field, request, show_hidden_initial=False, **kwargs)


for model, pages in (
    (PeriodicTask, TaskAdmin),
    (ClockedSchedule, beat.ClockedScheduleAdmin),
    (CrontabSchedule, CrontabAdmin),
    (IntervalSchedule, beat.IntervalScheduleAdmin),
    (SolarSchedule, beat.SolarScheduleAdmin),
):
    admin.site.unregister(model)
    own = pages if issubclass(pages, DeclaredLookups) else type(pages.__name__, (DeclaredLookups, pages), {})
    admin.site.register(model, own)
