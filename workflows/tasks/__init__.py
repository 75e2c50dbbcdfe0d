"""The Celery jobs. Each takes ids, calls one service, and returns nothing."""

from workflows.tasks import signals
from workflows.tasks.advance import advance
from workflows.tasks.answer_probe import answer_probe
from workflows.tasks.celery_answers import celery_failed, celery_succeeded
from workflows.tasks.run_action import run_action
from workflows.tasks.run_lane import run_lane
from workflows.tasks.sweep import sweep
from workflows.tasks.triggers import fire_triggers, start_scheduled

__all__ = [
    "advance",
    "answer_probe",
    "celery_failed",
    "celery_succeeded",
    "fire_triggers",
    "run_action",
    "run_lane",
    "signals",
    "start_scheduled",
    "sweep",
]
