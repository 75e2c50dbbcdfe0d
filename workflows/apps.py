"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workflows.expressions.plugins import allow_languages


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        try:
            allow_languages(settings.LEVANTE_EXPRESSION_LANGUAGES)
        except ValueError as error:
            raise ImproperlyConfigured(f"LEVANTE_EXPRESSION_LANGUAGES: {error}") from error
