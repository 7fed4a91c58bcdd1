"""The settings, the Celery application and the URLs. Importing the package creates the Celery application."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
