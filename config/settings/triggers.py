"""Cron triggers."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_seconds

# Triggers start workflows. Off holds all slots back, and missed ones follow the catch-up policies
# later. Default: on.
LEVANTE_TRIGGERS = env_bool("LEVANTE_TRIGGERS", default=True)
# Seconds that a slot may be late and still counts as in time; a later one is missed, and the
# catch-up policy of its trigger says what becomes of it. Default: 60.
LEVANTE_TRIGGER_GRACE_SECONDS = env_seconds("LEVANTE_TRIGGER_GRACE_SECONDS", 60)
# Slots of one trigger that one transaction starts. Default: 50.
LEVANTE_TRIGGER_BATCH = env_int("LEVANTE_TRIGGER_BATCH", 50, minimum=1)
# Slots of one trigger that wait for the end of a run; more are skipped. Default: 100.
LEVANTE_TRIGGER_QUEUE = env_int("LEVANTE_TRIGGER_QUEUE", 100, minimum=1)
# Days for which the history of slots is kept. Default: 90.
LEVANTE_TRIGGER_HISTORY_DAYS = env_int("LEVANTE_TRIGGER_HISTORY_DAYS", 90, minimum=1)
# Seconds between two looks for due triggers that beat asks a worker for, should no `manage.py
# sweep` run. Default: 10.
LEVANTE_TRIGGER_JOB_SECONDS = env_seconds("LEVANTE_TRIGGER_JOB_SECONDS", 10, minimum=1)
# Seconds between two looks for periodic tasks that people have changed. Default: 2.
LEVANTE_TRIGGER_SYNC_SECONDS = env_seconds("LEVANTE_TRIGGER_SYNC_SECONDS", 2)
# Seconds between two tries of a waiting beat to take over. Default: 5.
LEVANTE_BEAT_WAIT_SECONDS = env_seconds("LEVANTE_BEAT_WAIT_SECONDS", 5, minimum=0.1)
