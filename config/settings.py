"""Settings. Every difference between environments is an environment variable, documented in ``.env.example``."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.templatetags.static import static
from kombu import Queue

from config.navigation import EVERYBODY, NAVIGATION, account_menu
from connectors.private_files import UMASK, close, sqlite_files

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
# Whatever a process creates, such as the SQLite file or a message of the folder broker, only its owner may read.
os.umask(UMASK)

env = environ.Env()  # type: ignore[no-untyped-call]
env_file = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
if env_file.is_file():
    env.read_env(env_file)

DEBUG = env.bool("DEBUG", default=False)
# Without DEBUG it may be empty: connectors.checks then stops all commands that need it. Reading a recording does not.
SECRET_KEY = env.str("SECRET_KEY", default="debug-only-" + "0" * 50 if DEBUG else "")

# --- Addresses -------------------------------------------------------------------------------------------------------
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_BASE_URL)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_public.hostname or "127.0.0.1", "localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
LOGIN_URL = "everybody:login"
LOGIN_REDIRECT_URL = "admin:index"  # the site for everybody leads to its own first page

# --- Connectors ------------------------------------------------------------------------------------------------------
# The first key encrypts, and all keys decrypt. They do not depend on SECRET_KEY, so each can be rotated alone.
CREDENTIAL_KEYS: list[str] = env.list("CREDENTIAL_KEYS", default=[])
# A key that is older is named on the pages of its connection; 0 = never.
KEY_REMINDER_DAYS = env.int("KEY_REMINDER_DAYS", default=180)
# With these settings, connections reach a simulator (demo, tests). connectors.checks refuses them in production.
CONNECTOR_ORIGINS: dict[str, str] = env.dict("CONNECTOR_ORIGINS", default={})
EGRESS_ALLOW: list[str] = env.list("EGRESS_ALLOW", default=[])

# --- Applications ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # config.apps makes the site
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_celery_beat",
    "oncall",
    "connectors",
    "syncjobs",
]
MIDDLEWARE = [
    "config.policy.content_security_policy",
    "config.health.health",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.htmx.reload_at_redirects",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.pages.say_that_login_ended",
    "oncall.operations.sessions.limit_sessions",
    "oncall.admin.logins.ConfirmationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.pages.MethodPages",
    "config.requests.ReservedParameters",
]
CSRF_FAILURE_VIEW = "config.pages.form_expired"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
# Form widgets have templates in templates/, too.
# A form has a few fields for each of its elements: this is enough for a group of 4,000 members.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
AUTH_USER_MODEL = "oncall.User"
AUTHENTICATION_BACKENDS = ["oncall.operations.logins.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "oncall.passwords.GuessablePasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Database --------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'rotabridge.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(exist_ok=True)
    # A deferred transaction that reads first and writes later fails at once with "database is locked" if another
    # process has written in between. A transaction that takes the write lock at BEGIN waits instead.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    # A run that is stopped in a loop over its items leaves their cursor open. The garbage collector may close it while
    # the same connection executes a statement, and psycopg then waits for itself for ever.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True

# --- Background work -------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str(
    "CELERY_BROKER_URL", default="fs://localhost"
)  # kombu warns about an address without a host
if CELERY_BROKER_URL.startswith("fs:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(VAR_DIR / "broker"), "polling_interval": 0.2}
else:
    # If a message is not acknowledged in this time, Redis sends it to another worker, which finds the run claimed.
    # A page that sends a message to a Redis that does not answer waits for the timeout of the socket.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 5}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # otherwise beat adds a clean-up task for results that do not exist
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# The tick has a queue and a worker of its own, so that long runs never delay it. A worker without --queues takes both.
CELERY_TASK_QUEUES = [Queue("runs", routing_key="runs"), Queue("tick", routing_key="tick")]
CELERY_TASK_DEFAULT_QUEUE = "runs"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "syncjobs.tasks.drive_run": {"queue": "runs"},
    "syncjobs.tasks.pulse": {"queue": "runs"},
    "syncjobs.tasks.tick": {"queue": "tick"},
}
# A page waits for the broker while it sends a message, and the next tick sends it again anyway.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
# Without a limit, a worker or beat that waits for the broker is there again when the broker is.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Celery's time limits end processes (--pool prefork), never threads. These limits hold in both: a worker works on a run
# for one slice and then gives it back; a run whose worker does not renew its lease goes on in another worker.
RUN_LEASE_SECONDS = env.int("RUN_LEASE_SECONDS", default=180)
RUN_SLICE_SECONDS = env.int("RUN_SLICE_SECONDS", default=300)
CELERY_TASK_TIME_LIMIT = 3600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8.0
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "syncjobs.slots.beat:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {"tick": {"task": "syncjobs.tasks.tick", "schedule": 60.0}}
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Runs that are worked on or wait for a worker at once. A periodic sync that is due waits until there are fewer.
RUNS_AT_ONCE = env.int("RUNS_AT_ONCE", default=8)

# --- Private files ---------------------------------------------------------------------------------------------------
# Only their owner may read them. Those that exist with wider rights lose these at the start; connectors.checks says so.
PRIVATE_PATHS = [VAR_DIR]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    PRIVATE_PATHS += sqlite_files(Path(DATABASES["default"]["NAME"]))
if CELERY_BROKER_URL.startswith("fs:"):
    PRIVATE_PATHS.append(VAR_DIR / "broker")
CLOSED_PATHS = close(PRIVATE_PATHS)

# Where a worker keeps the pages that it has fetched, until they are in the database or the run ends.
READS_DIR = VAR_DIR / "reads"

# --- Retention: days, 0 = no limit -----------------------------------------------------------------------------------
PERSONAL_DATA_DAYS = env.int("PERSONAL_DATA_DAYS", default=90)
ITEM_DAYS = env.int("ITEM_DAYS", default=0)
RUN_DAYS = env.int("RUN_DAYS", default=0)
CHANGE_RECORD_DAYS = env.int("CHANGE_RECORD_DAYS", default=0)

# --- Mail ------------------------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="rotabridge@localhost")

# --- Security --------------------------------------------------------------------------------------------------------
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_NAME = "__Host-session" if HTTPS_ONLY else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS_ONLY else "csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "oncall.operations.sessions"
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=30)
# How long a password that was entered serves to set passwords and keys.
CONFIRM_MINUTES = env.int("CONFIRM_MINUTES", default=15)
# Pages that set a password or key. Those that do nothing else confirm the password before they are shown.
CONFIRMED_PAGES = [
    "admin:password_change", "everybody:password_change", "admin:oncall_user_add",
    "admin:connectors_connection_connect", "admin:connectors_connection_key",
]  # fmt: skip
CONFIRMED_FORMS = [*CONFIRMED_PAGES, "admin:oncall_user_change"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=False)
# Only the owner of the domain decides whether HSTS includes subdomains and whether browsers preload it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Static files and admin ------------------------------------------------------------------------------------------
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # static files are served from the packages, without collectstatic
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600
UNFOLD = {
    "SITE_TITLE": "Rotabridge",
    "SITE_HEADER": "Rotabridge",
    "SITE_SYMBOL": "sync_alt",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("oncall/favicon.svg")},
    ],
    "SITE_URL": None,  # the link of the theme is called "View site"; the menu of the account leads to My page
    "ENVIRONMENT": "connectors.banner.environment",
    "STYLES": [
        lambda request: static("oncall/rotabridge.css"),
        lambda request: static("oncall/parts.css"),
    ],
    "SCRIPTS": [lambda request: static("oncall/labels.js")],
    "ACCOUNT": {"navigation": account_menu("admin")},
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
}
UNFOLD_EVERYBODY = UNFOLD | {
    "ACCOUNT": {"navigation": account_menu("everybody")},
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": EVERYBODY},
}

# --- Logging ---------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonLine"}},
    # The filter is on the handler, because a filter on a logger does not see the records of its children.
    "filters": {"redact": {"()": "connectors.redaction.RedactingFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["redact"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # At the level DEBUG, both log request headers with credentials.
        "urllib3": {"level": "INFO"},
        "requests": {"level": "INFO"},
    },
}
