"""The settings.

Each of ours starts with LEVANTE_ and is read from the environment variable of the same name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django_stubs_ext
from django.core.management.utils import get_random_secret_key

from config.readers import (
    database_from_url,
    env_bool,
    env_int,
    env_list,
    env_seconds,
    env_secret,
    env_text,
)
from workflows.embedded.state import keep_secret, read_state

# Lets annotations such as `Field[Any, Any]` and `ModelAdmin[Project]` be evaluated.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# Folder of the embedded servers and of generated secrets. Default: .data beside manage.py.
LEVANTE_DATA_DIR = Path(env_text("LEVANTE_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
_servers = read_state(LEVANTE_DATA_DIR)

# --- Servers -----------------------------------------------------------------------------------

# PostgreSQL: from DATABASE_URL, or the embedded server that `manage.py up` runs. The last name is
# never found, and says in the error message what to do.
_database_url = (
    env_secret("DATABASE_URL")
    or (_servers.database_url if _servers else "")
    or "postgresql:///levante?host=/no-database-start-manage.py-up-or-set-DATABASE_URL"
)

# Redis: from REDIS_URL, or the embedded server.
_redis_url = (
    env_secret("REDIS_URL")
    or (_servers.redis_url if _servers else "")
    or "redis://no-redis-start-manage.py-up-or-set-REDIS_URL:6379/0"
)

# Milliseconds that one statement may take; 0 is no limit, for long migrations. Default: 30 seconds.
LEVANTE_STATEMENT_TIMEOUT = env_int("LEVANTE_STATEMENT_TIMEOUT", 30_000)
# Milliseconds to wait for a lock. Default: 5 seconds.
LEVANTE_LOCK_TIMEOUT = env_int("LEVANTE_LOCK_TIMEOUT", 5_000)
# Milliseconds after which an idle transaction is ended, so that no dead holder blocks others.
# Default: 60 seconds.
LEVANTE_IDLE_TRANSACTION_TIMEOUT = env_int("LEVANTE_IDLE_TRANSACTION_TIMEOUT", 60_000)
# What the process is, shown in PostgreSQL's list of sessions. `manage.py up` sets it for each of
# its processes.
LEVANTE_PROCESS_NAME = env_text("LEVANTE_PROCESS_NAME", "manage")

_database: dict[str, Any] = database_from_url(_database_url)
_database["OPTIONS"] |= {
    "application_name": f"levante-{LEVANTE_PROCESS_NAME}",
    "options": (
        f"-c statement_timeout={LEVANTE_STATEMENT_TIMEOUT}"
        f" -c lock_timeout={LEVANTE_LOCK_TIMEOUT}"
        f" -c idle_in_transaction_session_timeout={LEVANTE_IDLE_TRANSACTION_TIMEOUT}"
    ),
}
_database |= {
    "ATOMIC_REQUESTS": False,
    # Seconds a connection is kept; it is checked before it is used again.
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Access ------------------------------------------------------------------------------------

# Signs sessions. Default: made on first use and kept in the data directory; where there is none,
# each process has its own.
SECRET_KEY = env_secret("LEVANTE_SECRET_KEY") or (
    keep_secret(LEVANTE_DATA_DIR / "secret.key")
    if LEVANTE_DATA_DIR.is_dir()
    else get_random_secret_key()
)
# Shows tracebacks in the browser. Never on a server that others can reach. Default: off.
DEBUG = env_bool("LEVANTE_DEBUG", default=False)
# Host names that the server answers to, separated by commas. Default: this machine only.
ALLOWED_HOSTS = env_list("LEVANTE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
# Anybody may do anything, without a token. `manage.py up --no-auth` sets it, on loopback only.
# Default: off.
LEVANTE_NO_AUTH = env_bool("LEVANTE_NO_AUTH", default=False)
# The server is reached through HTTPS, ended by a proxy that sets X-Forwarded-Proto. Default: off.
LEVANTE_HTTPS = env_bool("LEVANTE_HTTPS", default=False)
# Origins whose pages may send forms, such as https://levante.example.org. Default: none but our
# own.
CSRF_TRUSTED_ORIGINS = env_list("LEVANTE_TRUSTED_ORIGINS", [])
# Seconds that a process remembers a token, and so the time that a revocation takes at most.
# Default: 5.
LEVANTE_TOKEN_CACHE_SECONDS = env_seconds("LEVANTE_TOKEN_CACHE_SECONDS", 5)

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LEVANTE_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if LEVANTE_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if LEVANTE_HTTPS else None
X_FRAME_OPTIONS = "DENY"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Limits ------------------------------------------------------------------------------------

# Bytes of the text of one definition. Default: 1 MB.
LEVANTE_MAX_DEFINITION_BYTES = env_int("LEVANTE_MAX_DEFINITION_BYTES", 1_000_000)
# Bytes of one JSON value: an input, an output, a published value, an environment. Default: 1 MB.
LEVANTE_MAX_FIELD_BYTES = env_int("LEVANTE_MAX_FIELD_BYTES", 1_000_000)
# Bytes of the body of one request. Default: 2 MB.
LEVANTE_MAX_BODY_BYTES = env_int("LEVANTE_MAX_BODY_BYTES", 2_000_000)
# Rows on one page of a list. Default: 1000.
LEVANTE_PAGE_LIMIT = env_int("LEVANTE_PAGE_LIMIT", 1_000, minimum=1)

# Parsed definitions that a process keeps. Default: 500.
LEVANTE_SPEC_CACHE_SIZE = env_int("LEVANTE_SPEC_CACHE_SIZE", 500, minimum=1)
# Seconds that one transaction of the engine may go on to start what needs no worker, before it
# lets others have the execution. Default: 0.1.
LEVANTE_ADVANCE_SECONDS = env_seconds("LEVANTE_ADVANCE_SECONDS", 0.1)

# The API reads and limits its bodies itself; this one is for the forms of the admin pages.
DATA_UPLOAD_MAX_MEMORY_SIZE = LEVANTE_MAX_BODY_BYTES

# --- Django ------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_celery_beat",
    "workflows",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Mistral's paths have no slash at the end, and a redirect would lose the body of a request.
APPEND_SLASH = False

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
# Static files are served from where the packages have them, so no command has to collect them
# first.
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["workflows.api.auth.TokenAuthentication"],
    # The authentication refuses whoever it does not know, and services check the role.
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "workflows.api.errors.exception_handler",
}

# --- Celery ------------------------------------------------------------------------------------

# Seconds that running actions get to finish when a worker is stopped. Default: 5.
LEVANTE_WORKER_STOP_SECONDS = env_seconds("LEVANTE_WORKER_STOP_SECONDS", 5)
# Tasks after which a worker process is replaced, against slow leaks. Default: 5000.
LEVANTE_TASKS_PER_CHILD = env_int("LEVANTE_TASKS_PER_CHILD", 5_000, minimum=1)
# Kilobytes after which a worker process is replaced. Default: 300 MB.
LEVANTE_MEMORY_PER_CHILD = env_int("LEVANTE_MEMORY_PER_CHILD", 300_000, minimum=50_000)
# Workers tell Flower about every task, at some cost in speed. Default: on.
LEVANTE_TASK_EVENTS = env_bool("LEVANTE_TASK_EVENTS", default=True)

CELERY_BROKER_URL = _redis_url
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
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # seconds; longer than any job that is acknowledged late
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": False,  # a blind repetition would send twice
}

# Only chords use results: they count their parts there. What is lost there is found by the sweep.
CELERY_RESULT_BACKEND = _redis_url
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
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # LOGGING below says how to log
CELERY_WORKER_REDIRECT_STDOUTS = False

CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# Celery closes the database connection before and after each task unless it may reuse it this
# often. A new connection costs more than most of our tasks, so it is kept; config/celery.py sees
# to it that it is healthy.
CELERY_DB_REUSE_MAX = 1_000_000_000

# --- Engine ------------------------------------------------------------------------------------

# Rows that an expression may read by `tasks()` or `executions()`. Default: 1,000.
LEVANTE_MAX_EXPRESSION_ROWS = env_int("LEVANTE_MAX_EXPRESSION_ROWS", 1_000, minimum=1)

# --- Repair ------------------------------------------------------------------------------------

# Seconds between two beats of a worker process. Default: 5.
LEVANTE_BEAT_SECONDS = env_seconds("LEVANTE_BEAT_SECONDS", 5)
# Seconds without a beat after which a process counts as dead. Default: 30.
LEVANTE_DEAD_SECONDS = env_seconds("LEVANTE_DEAD_SECONDS", 30)
# Seconds between two looks at whether the running action is still wanted. Default: 1.
LEVANTE_STOP_POLL_SECONDS = env_seconds("LEVANTE_STOP_POLL_SECONDS", 1)
# Seconds that an interrupted action has before its process is killed. Default: 5.
LEVANTE_STOP_GRACE_SECONDS = env_seconds("LEVANTE_STOP_GRACE_SECONDS", 5)
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
# Starts of a safe action that loses its process each time. Default: 3.
LEVANTE_MAX_STARTS = env_int("LEVANTE_MAX_STARTS", 3, minimum=1)
# Seconds for which nothing is sent after the broker has failed. Default: 10.
LEVANTE_BREAKER_SECONDS = env_seconds("LEVANTE_BREAKER_SECONDS", 10)
# The key in the broker by which a loss of its data is noticed.
LEVANTE_BROKER_MARK = env_text("LEVANTE_BROKER_MARK", "levante:mark")

CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "workflows.sweep",
        "schedule": LEVANTE_SWEEP_JOB_SECONDS,
        # A pass that nobody took in time is of no use: the next one does the same.
        "options": {"expires": LEVANTE_SWEEP_JOB_SECONDS},
    },
}

# --- Actions -----------------------------------------------------------------------------------

# Seconds that an action may run if its task has no timeout. Default: 1 hour.
LEVANTE_ACTION_TIMEOUT = env_seconds("LEVANTE_ACTION_TIMEOUT", 3600)
# Seconds for which a finished action tries to store its result while the database is away.
# Default: 10 minutes.
LEVANTE_RECORD_SECONDS = env_seconds("LEVANTE_RECORD_SECONDS", 600)
# Seconds after which a lane lets others have its worker. Default: 10.
LEVANTE_LANE_SECONDS = env_seconds("LEVANTE_LANE_SECONDS", 10)
# Runs of single actions may be deleted. Default: on.
LEVANTE_ALLOW_ACTION_DELETION = env_bool("LEVANTE_ALLOW_ACTION_DELETION", default=True)
# Levels to which a value may be nested. Default: 64.
LEVANTE_MAX_DEPTH = env_int("LEVANTE_MAX_DEPTH", 64, minimum=1)

# --- Log ---------------------------------------------------------------------------------------

# DEBUG, INFO, WARNING or ERROR. Default: INFO.
LEVANTE_LOG_LEVEL = env_text("LEVANTE_LOG_LEVEL", "INFO")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"facts": {"()": "config.logs.FactsFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "facts"}},
    "root": {"handlers": ["console"], "level": LEVANTE_LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Each task twice, received and succeeded; the history in the database says more.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
