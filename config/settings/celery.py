"""Celery: broker, results, workers, beat."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_seconds
from config.settings.servers import (
    LEVANTE_BROKER_URL,
    LEVANTE_SENTINEL_MASTER,
    REDIS_URL,
)

# Seconds that running actions get to finish when a worker is stopped. Default: 5.
LEVANTE_WORKER_STOP_SECONDS = env_seconds("LEVANTE_WORKER_STOP_SECONDS", 5)
# Tasks after which a worker process is replaced, against slow leaks. Default: 5000.
LEVANTE_TASKS_PER_CHILD = env_int("LEVANTE_TASKS_PER_CHILD", 5_000, minimum=1)
# Kilobytes after which a worker process is replaced. Default: 300 MB.
LEVANTE_MEMORY_PER_CHILD = env_int("LEVANTE_MEMORY_PER_CHILD", 300_000, minimum=50_000)
# Workers tell Flower about every task, at some cost in speed. Default: on.
LEVANTE_TASK_EVENTS = env_bool("LEVANTE_TASK_EVENTS", default=True)

CELERY_BROKER_URL = LEVANTE_BROKER_URL
CELERY_TIMEZONE = "UTC"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"

# Direct exchanges only: a topic exchange keeps its bindings in Redis and drops messages silently
# when they are lost.
CELERY_TASK_DEFAULT_QUEUE = "engine"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "direct"
# A task's `target` names a queue, so queues are made when they are first named.
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_CREATE_MISSING_QUEUE_EXCHANGE_TYPE = "direct"

# The claim in the database records who runs an action; a late acknowledgement would only add
# second deliveries. The jobs of the engine are short and harmless to repeat, and ask for it
# themselves.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,  # the sweep is the real retry
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = (
    True  # Redis that still loads its data, or is read-only for a while
)
_REDIS_OPTIONS: dict[str, object] = {
    "visibility_timeout": 600,  # seconds; longer than any job that is acknowledged late
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": False,  # a blind repetition would send twice
}
_OPTIONS: dict[str, dict[str, object]] = {
    "redis": _REDIS_OPTIONS,
    "rediss": _REDIS_OPTIONS,
    "sentinel": {**_REDIS_OPTIONS, "master_name": LEVANTE_SENTINEL_MASTER},
    # RabbitMQ says when it has a message on its disk.
    "amqp": {"confirm_publish": True},
    "amqps": {"confirm_publish": True},
}
CELERY_BROKER_TRANSPORT_OPTIONS = _OPTIONS.get(LEVANTE_BROKER_URL.partition(":")[0], {})

# Only chords use results: they count their parts there. What is lost there is found by the sweep.
# Without Redis there are none, and the canvas does without chords.
CELERY_RESULT_BACKEND = REDIS_URL or None
CELERY_RESULT_EXPIRES = 3600  # seconds
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "retry_policy": {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.5,
        "interval_max": 1,
    },
}
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 2
CELERY_REDIS_SOCKET_KEEPALIVE = True

CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = LEVANTE_TASKS_PER_CHILD
CELERY_WORKER_MAX_MEMORY_PER_CHILD = LEVANTE_MEMORY_PER_CHILD
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = LEVANTE_WORKER_STOP_SECONDS
CELERY_WORKER_SEND_TASK_EVENTS = LEVANTE_TASK_EVENTS
CELERY_WORKER_CONSUMER = "config.consumer:Consumer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below says how to log
CELERY_WORKER_REDIRECT_STDOUTS = False

CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"

# Celery closes the database connection before and after each task unless it may reuse it this
# often. A new connection costs more than most of our tasks, so it is kept; config/celery.py sees
# to it that it is healthy.
CELERY_DB_REUSE_MAX = 1_000_000_000
