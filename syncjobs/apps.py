from django.apps import AppConfig


class SyncjobsConfig(AppConfig):
    name = "syncjobs"
    verbose_name = "Sync"
    default_auto_field = "django.db.models.BigAutoField"
