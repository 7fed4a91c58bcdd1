"""The pages of django-celery-beat: periodic tasks and their schedules."""

from django.contrib import admin
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from oncall.admin.base.lookups import DeclaredLookups

for model, pages in (
    (PeriodicTask, beat.PeriodicTaskAdmin),
    (ClockedSchedule, beat.ClockedScheduleAdmin),
    (CrontabSchedule, beat.CrontabScheduleAdmin),
    (IntervalSchedule, beat.IntervalScheduleAdmin),
    (SolarSchedule, beat.SolarScheduleAdmin),
):
    admin.site.unregister(model)
    admin.site.register(model, type(pages.__name__, (DeclaredLookups, pages), {}))
