"""The pages of the sync. Importing this package registers them."""

from django.contrib import admin

from syncjobs.admin import automatic, conflicts, connections, invitations, partly_read, rules, runs, schedules

__all__ = ["automatic", "conflicts", "connections", "invitations", "partly_read", "rules", "runs", "schedules"]

admin.site.index_title = "Overview"
