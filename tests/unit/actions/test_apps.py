"""Django applications of one's own that the service brings along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.live import ROOT

TASKS = """
from celery import shared_task

@shared_task(name="shop.pack")
def pack(order: int, box: str = "small") -> int:
    \"\"\"Packs an order.\"\"\"
    return order
"""
PROGRAM = """
import json, django
django.setup()
from django.apps import apps
from workflows.actions.registry import list_actions
found = [[one.name, one.input, one.description] for one in list_actions()]
print(json.dumps({"apps": [one.name for one in apps.get_app_configs()], "actions": found}))
"""


def test_an_application_is_installed_and_its_celery_tasks_are_actions(tmp_path: Path) -> None:
    package = tmp_path / "acme_shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "LEVANTE_APPS": "acme_shop",
        "LEVANTE_CELERY_TASKS": "shop.*",
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert "acme_shop" in seen["apps"]
    assert ["celery.shop.pack", 'order, box="small"', "Packs an order."] in seen["actions"]
