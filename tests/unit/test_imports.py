"""Every service can be the first that is imported: there is no cycle that depends on the order."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.live import ROOT

PROGRAM = """
import importlib, pathlib, sys, django
django.setup()
before = set(sys.modules)
for path in sorted(pathlib.Path("workflows/services").rglob("[a-z]*.py")):
    for name in set(sys.modules) - before:
        if name.startswith("workflows.services"):
            del sys.modules[name]
    importlib.import_module(".".join(path.with_suffix("").parts))
"""


def test_each_service_can_be_imported_first() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings_test"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
