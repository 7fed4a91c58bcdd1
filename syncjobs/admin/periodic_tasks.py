"""The pages of periodic tasks, which accept every text that a browser can send."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django_celery_beat.admin import CrontabScheduleAdmin, PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import CrontabSchedule, PeriodicTask


class TaskForm(PeriodicTaskForm):
    def clean(self) -> Any:
        # The package expects that the name of the task is valid.
        self.cleaned_data.setdefault("task", "")
        return super().clean()  # type: ignore[no-untyped-call]


admin.site.unregister([PeriodicTask, CrontabSchedule])


@admin.register(PeriodicTask)
class TaskAdmin(PeriodicTaskAdmin):
    form = TaskForm


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin):
    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        # The form would contain the default as a second text, which is read as a time zone without a check.
        return super().formfield_for_dbfield(db_field, request, show_hidden_initial=False, **kwargs)
