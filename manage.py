#!/usr/bin/env python
"""Levante's command line.

`python manage.py up` starts everything, `python manage.py help` lists the rest.
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
