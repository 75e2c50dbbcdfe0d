"""The settings of processes that are put under faults: those of the service, and a way inside.

What the fault tests may switch on in a process is told by environment variables and done by
`inside`; the product itself has no switch for any of it.
"""

from __future__ import annotations

from config.settings import *  # noqa: F403
from config.settings import CELERY_BROKER_TRANSPORT_OPTIONS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.inside.InsideConfig"]
# What a killed worker had taken comes back while the test still looks.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    "visibility_timeout": 8,
    "unacked_restore_interval": 1,
}
