"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Gunicorn loads this once and forks; a collection in a child would copy all that it looks at.
gc.collect()
gc.freeze()
