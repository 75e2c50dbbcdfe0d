"""The settings, one module a subject.

Each of ours starts with LEVANTE_ and is read from the environment variable of the same name.
"""

from __future__ import annotations

import django_stubs_ext

from config.settings.access import *
from config.settings.actions import *
from config.settings.celery import *
from config.settings.engine import *
from config.settings.flower import *
from config.settings.http import *
from config.settings.limits import *
from config.settings.log import *
from config.settings.login_providers import *
from config.settings.notifications import *
from config.settings.openapi import *
from config.settings.remote import *
from config.settings.retention import *
from config.settings.servers import *
from config.settings.triggers import *
from config.settings.web import *

# Lets annotations such as `Field[Any, Any]` and `ModelAdmin[Project]` be evaluated.
django_stubs_ext.monkeypatch()
