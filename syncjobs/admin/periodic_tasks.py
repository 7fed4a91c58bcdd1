"""The pages of django-celery-beat, which accept every text that a browser can send."""

from typing import Any

from celery.schedules import ParseException
from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from oncall.admin.base.unfold import ModelAdmin


class TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    """The names of all tasks, in the look of the theme."""


class TaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The form declares these two fields itself, so the theme does not see them.
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()

    def clean(self) -> Any:
        # The package expects that the name of the task is valid.
        self.cleaned_data.setdefault("task", "")
        return super().clean()  # type: ignore[no-untyped-call]


class TaskAdmin(beat.PeriodicTaskAdmin, ModelAdmin[PeriodicTask]):
    form = TaskForm

    def run_tasks(self, request: HttpRequest, queryset: "QuerySet[PeriodicTask]") -> None:
        """Runs the tasks that exist and names the others. The package runs none if one is missing."""
        self.celery_app.loader.import_default_modules()
        missing = [row for row in queryset if row.task not in self.celery_app.tasks]
        for row in missing:
            self.message_user(request, f"{row.name} was not run: there is no task {row.task}.", messages.ERROR)
        known = queryset.exclude(pk__in=[row.pk for row in missing])
        if known.exists():
            super().run_tasks(request, known)  # type: ignore[no-untyped-call]


class CrontabForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any] | None:
        # The validators of the package accept ranges over the end of the week, at which the scheduler fails.
        try:
            values = {name: value for name, value in self.cleaned_data.items() if name in (self._meta.fields or ())}
            CrontabSchedule(**values).schedule  # noqa: B018 - whether it can be read
        except (ValueError, ParseException) as unreadable:
            raise forms.ValidationError(f"The scheduler cannot read this: {unreadable}") from unreadable
        return super().clean()


class CrontabAdmin(beat.CrontabScheduleAdmin, ModelAdmin[CrontabSchedule]):
    form = CrontabForm
    fields = ("stored", "minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")
    readonly_fields = ("stored",)

    @admin.display(description="Human readable")
    def stored(self, row: CrontabSchedule) -> str:
        # The package describes the row of the form, and fails if a field of the form is invalid.
        found = CrontabSchedule.objects.filter(pk=row.pk).first()
        return "-" if found is None else str(found.human_readable)

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
    own = pages if issubclass(pages, ModelAdmin) else type(pages.__name__, (pages, ModelAdmin), {})
    admin.site.register(model, own)
