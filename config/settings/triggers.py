"""Cron triggers, event triggers, and where events come from."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_seconds, env_secret, env_text
from config.settings.servers import REDIS_URL

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

# The message broker whose exchanges event triggers listen to, such as
# amqp://user:password@host:5672/vhost. Default: none.
LEVANTE_EVENT_AMQP_URL = env_secret("LEVANTE_EVENT_AMQP_URL")
# The Redis whose streams `<exchange>:<topic>` event triggers listen to; `none` listens to none.
# Default: the broker of the service.
LEVANTE_EVENT_REDIS_URL = env_secret("LEVANTE_EVENT_REDIS_URL") or REDIS_URL
# Names the queues and consumer groups of this service; services that share events in turns have
# the same name, each of several that all see them has its own. Default: levante.
LEVANTE_EVENT_POOL = env_text("LEVANTE_EVENT_POOL", "levante")
# Hours for which a queue of ours is kept while nobody listens. Default: 7 days.
LEVANTE_EVENT_QUEUE_HOURS = env_int("LEVANTE_EVENT_QUEUE_HOURS", 168, minimum=1)
# YAML file that says what workflows are told about events. Default: none, they are told all.
LEVANTE_EVENT_DEFINITIONS_FILE = env_text("LEVANTE_EVENT_DEFINITIONS_FILE", "")
# Private triggers get events that name no project. Default: off, only public ones do.
LEVANTE_EVENTS_WITHOUT_PROJECT = env_bool("LEVANTE_EVENTS_WITHOUT_PROJECT", default=False)
# Events that are kept for each trigger. Default: 100.
LEVANTE_EVENTS_KEPT = env_int("LEVANTE_EVENTS_KEPT", 100, minimum=1)
# Seconds between two notes of a trigger about events of other types. Default: 1.
LEVANTE_EVENT_NOTE_SECONDS = env_seconds("LEVANTE_EVENT_NOTE_SECONDS", 1)
# Seconds between two looks for new and deleted triggers. Default: 2.
LEVANTE_EVENT_REFRESH_SECONDS = env_seconds("LEVANTE_EVENT_REFRESH_SECONDS", 2, minimum=0.1)
# Deliveries of one message before it is given up. Default: 5.
LEVANTE_EVENT_DELIVERIES = env_int("LEVANTE_EVENT_DELIVERIES", 5, minimum=1)
