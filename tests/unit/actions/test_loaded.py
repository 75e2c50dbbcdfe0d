"""What few need is not in the memory of every process."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.live import ROOT


def test_a_process_loads_the_library_of_ssh_only_for_a_command() -> None:
    program = (
        "import sys, django; django.setup(); import workflows.tasks;"
        " print(sys.modules.keys() & {'asyncssh', 'py_mini_racer', 'workflows.actions.shell'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
