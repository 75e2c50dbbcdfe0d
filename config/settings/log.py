"""The log, and traces for a collector."""

from __future__ import annotations

from config.readers import env_bool, env_choice, env_ratio, env_text
from config.settings.servers import LEVANTE_PROCESS_NAME

# DEBUG, INFO, WARNING or ERROR. Default: INFO.
LEVANTE_LOG_LEVEL = env_text("LEVANTE_LOG_LEVEL", "INFO")
# text for people, or json: one object a line. Default: text.
LEVANTE_LOG_FORMAT = env_choice("LEVANTE_LOG_FORMAT", "text", ["text", "json"])
# A line for each change of state of an execution or task and for each end of an action, with ids
# and names, without any value. Default: on if the format is json, else off.
LEVANTE_LOG_STATES = env_bool("LEVANTE_LOG_STATES", default=LEVANTE_LOG_FORMAT == "json")

# Where traces of executions, tasks and attempts go by OTLP over HTTP, such as
# http://127.0.0.1:4318/v1/traces; needs what requirements-tracing.txt names. Default: nowhere.
LEVANTE_TRACES_URL = env_text("LEVANTE_TRACES_URL", "")
# The part of all executions that is traced, from 0 to 1; one is traced whole, with its
# sub-workflows, or not at all. Default: 1.
LEVANTE_TRACES_RATIO = env_ratio("LEVANTE_TRACES_RATIO", 1.0)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "config.logs.FactsFormatter"},
        "json": {"()": "config.logs.JsonFormatter", "process": LEVANTE_PROCESS_NAME},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LEVANTE_LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LEVANTE_LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # That nothing had to be cleaned up, with each log-in.
        "axes": {"level": "WARNING"},
        # Each task twice, received and succeeded; the history in the database says more.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # A line for each message of the schedule, which is one every few seconds.
        "celery.beat": {"level": "WARNING"},
        "workflows.states": {"level": "INFO" if LEVANTE_LOG_STATES else "WARNING"},
    },
}
