"""The engine and the repair of what was lost."""

from __future__ import annotations

from config.readers import env_int, env_list, env_seconds, env_text
from config.settings.triggers import LEVANTE_TRIGGER_JOB_SECONDS

# Rows that an expression may read by `tasks()` or `executions()`. Default: 1,000.
LEVANTE_MAX_EXPRESSION_ROWS = env_int("LEVANTE_MAX_EXPRESSION_ROWS", 1_000, minimum=1)

# Languages of expressions, separated by commas: yaql, jinja, and those of installed packages. A
# text in another language is plain text. Default: yaql,jinja.
LEVANTE_EXPRESSION_LANGUAGES = env_list("LEVANTE_EXPRESSION_LANGUAGES", ["yaql", "jinja"])

# --- Repair ---------------------------------------------------------------------------------------

# Seconds between two beats of a worker process. Default: 5.
LEVANTE_BEAT_SECONDS = env_seconds("LEVANTE_BEAT_SECONDS", 5)
# Seconds without a beat after which a process counts as dead. Default: 30.
LEVANTE_DEAD_SECONDS = env_seconds("LEVANTE_DEAD_SECONDS", 30)
# Seconds between two looks at whether the running action is still wanted. Default: 1.
LEVANTE_STOP_POLL_SECONDS = env_seconds("LEVANTE_STOP_POLL_SECONDS", 1)
# Seconds that an interrupted action or advance has before its process is killed. Default: 2.
LEVANTE_STOP_GRACE_SECONDS = env_seconds("LEVANTE_STOP_GRACE_SECONDS", 2)
# Seconds after which one transaction of an advance in a worker is broken off. Default: 40.
LEVANTE_ADVANCE_LIMIT_SECONDS = env_seconds("LEVANTE_ADVANCE_LIMIT_SECONDS", 40, minimum=0.1)
# Seconds between two passes of the sweep. Default: 1.
LEVANTE_SWEEP_SECONDS = env_seconds("LEVANTE_SWEEP_SECONDS", 1)
# Seconds between two passes that beat asks a worker for, should no `manage.py sweep` run.
# Default: 30.
LEVANTE_SWEEP_JOB_SECONDS = env_seconds("LEVANTE_SWEEP_JOB_SECONDS", 30, minimum=1)
# Rows that one rule of the sweep repairs in one pass. Default: 500.
LEVANTE_SWEEP_BATCH = env_int("LEVANTE_SWEEP_BATCH", 500, minimum=1)
# Seconds after which something that nobody took is sent again; the gap doubles each time, up to
# the second number. Defaults: 3 and 600.
LEVANTE_RESEND_SECONDS = env_seconds("LEVANTE_RESEND_SECONDS", 3)
LEVANTE_LONGEST_RESEND_SECONDS = env_seconds("LEVANTE_LONGEST_RESEND_SECONDS", 600)
# Seconds after which a running execution with nothing to do is looked at, and between two looks
# for such defects. Default: 30.
LEVANTE_STUCK_SECONDS = env_seconds("LEVANTE_STUCK_SECONDS", 30)
# Advances of one execution that may fail in a row; then it ends in ERROR. Default: 5.
LEVANTE_MAX_ADVANCE_FAILURES = env_int("LEVANTE_MAX_ADVANCE_FAILURES", 5, minimum=1)
# Starts of a safe action that loses its process each time. Default: 3.
LEVANTE_MAX_STARTS = env_int("LEVANTE_MAX_STARTS", 3, minimum=1)
# Seconds for which nothing is sent after the broker has failed. Default: 10.
LEVANTE_BREAKER_SECONDS = env_seconds("LEVANTE_BREAKER_SECONDS", 10)
# Seconds between two probes of a queue, which show that workers take messages. Default: 10.
LEVANTE_PROBE_SECONDS = env_seconds("LEVANTE_PROBE_SECONDS", 10)
# Seconds after which a probe that nobody took is an alarm, and after which a worker that has
# nothing to do although messages wait is started again. Default: 30.
LEVANTE_DEAF_SECONDS = env_seconds("LEVANTE_DEAF_SECONDS", 30, minimum=1)
# Queues that are probed, separated by commas. Default: engine,actions.
LEVANTE_PROBED_QUEUES = env_list("LEVANTE_PROBED_QUEUES", ["engine", "actions"])
# The key in the broker by which a loss of its data is noticed.
LEVANTE_BROKER_MARK = env_text("LEVANTE_BROKER_MARK", "levante:mark")

CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "workflows.sweep",
        "schedule": LEVANTE_SWEEP_JOB_SECONDS,
        # A pass that nobody took in time is of no use: the next one does the same.
        "options": {"expire_seconds": LEVANTE_SWEEP_JOB_SECONDS},
    },
    "triggers": {
        "task": "workflows.fire_triggers",
        "schedule": LEVANTE_TRIGGER_JOB_SECONDS,
        "options": {"expire_seconds": LEVANTE_TRIGGER_JOB_SECONDS},
    },
}
