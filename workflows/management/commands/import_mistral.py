"""`manage.py import_mistral URL`: take over what a Mistral server holds, with a report."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import WorkflowsError
from workflows.models import Role
from workflows.services.identity.identity import FIRST_PROJECT, Caller
from workflows.services.identity.projects import find_project
from workflows.services.mistral.content import MistralContent
from workflows.services.mistral.importing import MistralImport, Outcome, Report
from workflows.services.mistral.server import Login, read_server


class Command(BaseCommand):
    help = (
        "Take over workflows, workbooks, ad-hoc actions, environments and triggers of a Mistral"
        " server, or of a dump. May be repeated; what is there is kept. It logs in with"
        " OS_AUTH_TOKEN, or as the variables of an openrc file say (OS_AUTH_URL, OS_USERNAME,"
        " OS_PASSWORD, OS_PROJECT_NAME, OS_USER_DOMAIN_NAME, OS_PROJECT_DOMAIN_NAME)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", nargs="?", help="such as http://mistral.example.org:8989/v2")
        parser.add_argument(
            "--from", dest="source", type=Path, metavar="FILE", help="read a dump, not a server"
        )
        parser.add_argument(
            "--dump", type=Path, metavar="FILE", help="write a dump, and import nothing"
        )
        parser.add_argument(
            "--project", default=FIRST_PROJECT, help=f"name or id; default: {FIRST_PROJECT}"
        )
        parser.add_argument(
            "--source-project", metavar="ID", help="only what belongs to this project there"
        )
        parser.add_argument(
            "--update", action="store_true", help="give what differs the content of the source"
        )
        parser.add_argument(
            "--start-triggers",
            action="store_true",
            help="let triggers run, which otherwise come paused; also those of an earlier run",
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing, only report")
        parser.add_argument(
            "--ca-file", type=Path, metavar="FILE", help="certificates that the servers are of"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["url"]) == bool(options["source"]):
            raise CommandError("Give either the address of a server or --from FILE.")
        try:
            content = self._read(options)
            if options["dump"]:
                content.write(options["dump"])
                self._show_content(content, options["dump"])
                return
            run = MistralImport(
                _caller(options["project"]),
                update=options["update"],
                dry_run=options["dry_run"],
                start_triggers=options["start_triggers"],
            )
            report = run.run(content)
        except WorkflowsError as error:
            raise CommandError(error.message) from error
        self._show(report, is_dry=options["dry_run"])

    def _read(self, options: dict[str, Any]) -> MistralContent:
        if options["source"]:
            content = MistralContent.read(options["source"])
        else:
            login = Login.from_environment(os.environ)
            content = read_server(options["url"], login, ca_file=options["ca_file"])
        wanted: str | None = options["source_project"]
        return content if wanted is None else content.only_of_project(wanted)

    def _show_content(self, content: MistralContent, file: Path) -> None:
        counts = ", ".join(f"{len(found)} {kind}" for kind, found in content.objects.items())
        self.stdout.write(f"{file}: {counts.replace('_', ' ')} of {content.source}")

    def _show(self, report: Report, *, is_dry: bool) -> None:
        for line in report.lines:
            place = f" in {line.namespace}" if line.namespace else ""
            reason = f": {line.reason}" if line.reason else ""
            self.stdout.write(f"{line.outcome:<8} {line.kind} {line.name}{place}{reason}")
        for doubt in report.doubts:
            self.stdout.write(f"doubt    {doubt}")
        counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in Outcome)
        self.stdout.write(f"{counts}{' (dry run: nothing was written)' if is_dry else ''}")
        refused = report.count(Outcome.REFUSED)
        if refused:
            raise CommandError(
                f"{refused} {'object was' if refused == 1 else 'objects were'} refused"
            )


def _caller(project: str) -> Caller:
    found = find_project(project)
    if found is None:
        raise CommandError(f"There is no project {project!r}.")
    return Caller(found.pk, Role.ADMIN, name="import_mistral")
