"""`python -m tests.faults`: the soak."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_test")
    django.setup()
    sys.exit(import_module("tests.faults.soak").main())
