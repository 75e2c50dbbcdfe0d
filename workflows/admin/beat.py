"""The tables of django-celery-beat, to look at: schedules of workflows have their own page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from workflows.admin.base import ModelAdmin

for _model in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    admin.site.unregister(_model)


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows and lets nobody change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnlyAdmin):
    """What beat starts, and when it did so last."""

    list_display = ("name", "task", "enabled", "when", "last_run_at", "total_run_count")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    # They hold what runs are given, secrets of theirs included; the pages of schedules cover those.
    exclude = ("args", "kwargs", "headers")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("interval", "crontab", "solar", "clocked")

    @admin.display(description="schedule")
    def when(self, row: PeriodicTask) -> str:
        return str(row.interval or row.crontab or row.solar or row.clocked or "")


@admin.register(CrontabSchedule)
class CrontabAdmin(ReadOnlyAdmin):
    """Times like those of cron."""

    list_display = ("__str__", "human_readable")


@admin.register(ClockedSchedule, IntervalSchedule, SolarSchedule)
class OtherScheduleAdmin(ReadOnlyAdmin):
    """Single times, intervals, and the sun."""
