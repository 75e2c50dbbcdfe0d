"""The log."""

from __future__ import annotations

from config.readers import env_text

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
