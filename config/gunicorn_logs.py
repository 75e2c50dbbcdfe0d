"""The log of the web server itself, in the format of all other lines."""

from __future__ import annotations

import logging

from gunicorn import glogging

from config.logs import FactsFormatter, JsonFormatter
from config.settings.log import LEVANTE_LOG_FORMAT
from config.settings.servers import LEVANTE_PROCESS_NAME


class GunicornLogger(glogging.Logger):
    """Named on the command line of gunicorn: `--logger-class config.gunicorn_logs.GunicornLogger`.

    Gunicorn sets up its log before it has loaded the application.
    """

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        formatter: logging.Formatter = FactsFormatter()
        if LEVANTE_LOG_FORMAT == "json":
            formatter = JsonFormatter(LEVANTE_PROCESS_NAME)
        handler = self._get_gunicorn_handler(self.error_log)
        if handler is not None:
            handler.setFormatter(formatter)
