from django.apps import AppConfig


class OncallConfig(AppConfig):
    name = "oncall"
    verbose_name = "On-call"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from oncall.models.people import AccountManager  # models can be imported only now
        from oncall.operations.accounts import create_account

        AccountManager.create_account = staticmethod(create_account)
