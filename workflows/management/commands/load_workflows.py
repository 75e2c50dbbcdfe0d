"""`manage.py load_workflows`: store the workflows that come with installed packages."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.services.definitions.packaged import load_packaged_workflows


class Command(BaseCommand):
    help = (
        "Store the workflows of installed packages, and remove those of packages that are gone."
        " To be run after each installation of a package; a repetition changes nothing."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        report = load_packaged_workflows()
        for what, names in (
            ("created", report.created),
            ("updated", report.updated),
            ("removed", report.removed),
            ("unchanged", report.unchanged),
        ):
            if names:
                self.stdout.write(f"{what}: {', '.join(names)}")
        for place, reason in report.refused:
            self.stderr.write(f"not usable: {place}: {reason}")
        if report.refused:
            raise CommandError("not all packaged workflows could be loaded")
