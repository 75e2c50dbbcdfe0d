"""The settings of the tests.

The database is filled in by tests/conftest.py when the first test asks for it.
"""

from __future__ import annotations

import os

# Read by the settings on import: no test touches the data directory of a developer.
os.environ.setdefault("LEVANTE_SECRET_KEY", "tests")
os.environ.setdefault("LEVANTE_DATA_DIR", "/nonexistent")

from config.settings import *  # noqa: F403

# Log-ins of test clients come from no address; tests of the lock switch it on.
AXES_ENABLED = False

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Messages are captured, not sent. Tests with real workers set the addresses of real servers for
# their processes.
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "cache+memory://"
