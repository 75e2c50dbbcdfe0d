"""What few need is not in the memory of every process."""

from __future__ import annotations

from tests.live import run_python


def test_a_process_loads_the_library_of_ssh_only_for_a_command() -> None:
    program = (
        "import sys, django; django.setup(); import workflows.tasks;"
        " print(sys.modules.keys() & {'asyncssh', 'py_mini_racer', 'workflows.actions.shell'})"
    )
    assert run_python(program) == "set()"
