from django.apps import AppConfig


class SyncjobsConfig(AppConfig):
    name = "syncjobs"
    verbose_name = "Sync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from oncall.operations.erasing import erasing  # models can be imported only now
        from syncjobs.setup.erasing import erase_traces

        erasing.connect(erase_traces)
