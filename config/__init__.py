"""The Django project: settings, URLs, the Celery application."""

from config.celery import app

__all__ = ["app"]
