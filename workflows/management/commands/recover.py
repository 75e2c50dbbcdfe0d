"""`manage.py recover`: to be run after the database was restored, before any worker starts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import WorkflowsError
from workflows.services.operation.recovery import Recovery, preview, recover


class Command(BaseCommand):
    help = (
        "After a restore of the database or a fail-over that lost data: settle every action that"
        " may have run without the database knowing. What is unsafe to repeat ends in ERROR as"
        " lost, what is safe runs again. Stop all workers first, and start them afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._report("would end as lost", preview())
            return
        try:
            self._report("ended as lost", recover())
        except WorkflowsError as error:
            raise CommandError(error.message) from error

    def _report(self, verb: str, recovery: Recovery) -> None:
        self.stdout.write(
            f"{recovery.lost} unsafe actions {verb}; {recovery.again} safe ones run again."
        )
