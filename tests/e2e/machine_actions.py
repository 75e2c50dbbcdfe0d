"""Actions that tell on which machine they run; for workers of tests."""

from __future__ import annotations

import os
import time
from pathlib import Path

from workflows.actions.base import ActionContext
from workflows.actions.functions import action


@action("machine.name")
def name(context: ActionContext, seconds: float = 0.0) -> str:
    """Note the start in the common file, work for a while, and give the name of the machine."""
    with Path(os.environ["MACHINE_LOG"]).open("a") as log:
        log.write(f"{os.environ['MACHINE']} {context.action_execution_id}\n")
    time.sleep(seconds)
    return os.environ["MACHINE"]
