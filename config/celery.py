"""The Celery application. The broker only wakes workers up; what a run did is in the database."""

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
    """A receiver stops Celery from installing its own log handlers, which would bypass redaction."""
