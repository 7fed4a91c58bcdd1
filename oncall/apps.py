from django.apps import AppConfig


class OncallConfig(AppConfig):
    name = "oncall"
    verbose_name = "On-call"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from oncall import checks  # noqa: F401  (importing registers the checks)
        from oncall.models.people import AccountManager  # models can be imported only now
        from oncall.operations.accounts import create_account
        from oncall.operations.logins import log_login
        from oncall.operations.sessions import begin_login

        AccountManager.create_account = staticmethod(create_account)
        user_logged_in.connect(log_login, dispatch_uid="oncall.log_login")
        user_logged_in.connect(begin_login, dispatch_uid="oncall.begin_login")
