"""`manage.py up`: check the options, then become the process that runs everything."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workflows.embedded.ports import LOOPBACK_ADDRESSES, is_free, next_free_port
from workflows.embedded.servers import PROJECT_ROOT
from workflows.embedded.stack import StackOptions

DEFAULT_PORT: Final = 8000
DEFAULT_FLOWER_PORT: Final = 5555
FLOWER_ADDRESS: Final = "127.0.0.1"
FEWEST_WORKERS: Final = 4


class Command(BaseCommand):
    help = (
        "Start everything on this machine: PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL"
        " name others), the web server, the workers, the scheduler and Flower."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        workers = max(FEWEST_WORKERS, 2 * (os.cpu_count() or 1))
        parser.add_argument(
            "--bind", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1"
        )
        parser.add_argument(
            "--port", type=int, help=f"default: {DEFAULT_PORT}, or the next free one"
        )
        parser.add_argument(
            "--flower-port", type=int, help=f"default: {DEFAULT_FLOWER_PORT}, or the next free one"
        )
        parser.add_argument("--data-dir", type=Path, default=settings.LEVANTE_DATA_DIR)
        parser.add_argument(
            "--workers",
            type=int,
            default=workers,
            metavar="N",
            help=f"actions at once; here {workers}",
        )
        parser.add_argument("--no-examples", action="store_true", help="do not load the examples")
        parser.add_argument(
            "--no-auth", action="store_true", help="anybody on this machine may do anything"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        stack = self._decide(options)
        program = [sys.executable, "-m", "workflows.embedded", "--data-dir", stack.data_directory]
        self.stdout.flush()
        # The same process goes on without Django in its memory. From its folder Python finds the
        # package.
        os.chdir(PROJECT_ROOT)
        os.execv(sys.executable, [*program, "--stack", stack.to_json()])  # noqa: S606

    def _decide(self, options: dict[str, Any]) -> StackOptions:
        bind: str = options["bind"]
        if options["no_auth"] and bind not in LOOPBACK_ADDRESSES:
            raise CommandError(f"--no-auth is for this machine alone, not for {bind}")
        if options["workers"] < 1:
            raise CommandError("--workers must be at least 1")
        return StackOptions(
            data_directory=str(options["data_dir"].resolve()),
            bind=bind,
            port=self._choose_port("--port", bind, options["port"], DEFAULT_PORT),
            flower_port=self._choose_port(
                "--flower-port", FLOWER_ADDRESS, options["flower_port"], DEFAULT_FLOWER_PORT
            ),
            workers=options["workers"],
            has_examples=not options["no_examples"],
            has_authentication=not options["no_auth"],
        )

    def _choose_port(self, option: str, address: str, wanted: int | None, default: int) -> int:
        """Return the wanted port, or without a wish the first free one from the default upwards."""
        if wanted is not None:
            if not is_free(address, wanted):
                raise CommandError(f"{option} {wanted} is taken or not allowed on {address}")
            return wanted
        port = next_free_port(address, default)
        if port != default:
            self.stdout.write(f"Port {default} is taken, so {option} is {port}.")
        return port
