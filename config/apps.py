"""The site of the web interface takes the place of Django's admin site."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from django.conf import settings
from django.contrib.admin.apps import AdminConfig

_PAGES: Final = "workflows.admin.registration"


class PagesConfig(AdminConfig):
    """Django's admin with our site. Processes that show no pages do not load them."""

    default_site = "workflows.admin.base.AdminSite"

    def ready(self) -> None:
        if settings.LEVANTE_PROCESS_NAME.startswith(("worker", "beat", "sweep")):
            return
        super().ready()
        # After the admin modules of all packages, some of which ours take the place of.
        import_module(_PAGES)
