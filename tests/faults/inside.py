"""The application of Django that puts a process of the service under faults.

Web, workers, sweep and beat all load it, and do what their environment asks for.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final

from django.apps import AppConfig

LOSS: Final = "FAULTS_LOSS"  # the share of rings that are lost
SKEW: Final = "FAULTS_SKEW"  # seconds by which the clock is wrong
MUTATION: Final = "FAULTS_MUTATION"  # a safeguard that is switched off


class InsideConfig(AppConfig):
    """Installs what the environment of this process asks for."""

    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        # Only now, since they need the models.
        misbehaviour = import_module("tests.faults.misbehaviour")
        misbehaviour.add_actions()
        if loss := float(os.environ.get(LOSS, "0")):
            misbehaviour.lose_rings(loss)
        if skew := float(os.environ.get(SKEW, "0")):
            misbehaviour.set_clock_wrong(skew)
        if mutation := os.environ.get(MUTATION):
            import_module("tests.faults.mutations").MUTATIONS[mutation].install()
