"""`manage.py doctor`: says what is stuck, lost or overdue, why, and what to do about it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from workflows.services.operation.diagnosis import Finding, find_problems


class Command(BaseCommand):
    help = (
        "List whatever is stuck, lost or overdue, with the reason and the way out. Exit code 1 if"
        " there is anything."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON for a program")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = find_problems()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found]))
        elif not found:
            self.stdout.write("Nothing is stuck, lost or overdue.")
        else:
            self.stdout.write("\n\n".join(map(_describe, found)))
        if found:
            sys.exit(1)


def _describe(finding: Finding) -> str:
    lines = [
        f"{finding.what}: {finding.count}",
        f"  why:      {finding.reason}",
        f"  what now: {finding.way_out}",
    ]
    if finding.examples:
        lines.insert(1, f"  which:    {', '.join(finding.examples)}")
    return "\n".join(lines)
