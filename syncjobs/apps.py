from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SyncjobsConfig(AppConfig):
    name = "syncjobs"
    verbose_name = "Import"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from oncall.operations.erasing import erasing  # models can be imported only now
        from syncjobs.deciding.awaited import carry_out_awaited, read_awaited
        from syncjobs.runs.signals import items_written, reads_awaited
        from syncjobs.setup.erasing import erase_traces
        from syncjobs.setup.roles import refresh_roles

        erasing.connect(erase_traces)
        items_written.connect(carry_out_awaited)
        reads_awaited.connect(read_awaited)
        # This app is the last one, so the permissions of all apps exist when its signal is sent.
        post_migrate.connect(refresh_roles, sender=self)
