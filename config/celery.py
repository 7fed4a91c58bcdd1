"""The Celery application. The broker only notifies workers; the state of a run is in the database."""

import os

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["fs"] = "config.fsbroker:Transport"

app = Celery("rotabridge")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**kwargs: object) -> None:
    """Does nothing. With a receiver, Celery installs no log handlers of its own; they would not mask secrets."""
