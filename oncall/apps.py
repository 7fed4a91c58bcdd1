from django.apps import AppConfig


class OncallConfig(AppConfig):
    name = "oncall"
    verbose_name = "On-call"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_save

        from oncall import checks, lookups  # noqa: F401  (importing registers them)
        from oncall.models.people import AccountManager  # models can be imported only now
        from oncall.operations.accounts import create_account, record_password
        from oncall.operations.logins import log_login
        from oncall.operations.sessions import begin_login

        AccountManager.create_account = staticmethod(create_account)
        post_save.connect(record_password, sender="oncall.User", dispatch_uid="oncall.record_password")
        user_logged_in.connect(log_login, dispatch_uid="oncall.log_login")
        user_logged_in.connect(begin_login, dispatch_uid="oncall.begin_login")
