"""The pages of the sync. Importing this package registers them."""

from django.contrib import admin

from syncjobs.admin import conflicts, connections, invitations, partly_read, periodic_tasks, rules, runs, schedules

__all__ = ["conflicts", "connections", "invitations", "partly_read", "periodic_tasks", "rules", "runs", "schedules"]

admin.site.index_title = "Sources"
