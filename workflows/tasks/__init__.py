"""The Celery jobs. Each takes ids, calls one service, and returns nothing."""

from workflows.tasks import signals
from workflows.tasks.advance import advance
from workflows.tasks.run_action import run_action
from workflows.tasks.run_lane import run_lane
from workflows.tasks.sweep import sweep

__all__ = ["advance", "run_action", "run_lane", "signals", "sweep"]
