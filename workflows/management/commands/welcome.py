"""`manage.py welcome`: the last step of `manage.py up`. Says where everything is.

On each start it loads the workflows of installed packages. On the very first one it also makes the
administrator with an API token, loads the example workflows, runs one and shows its result.
"""

from __future__ import annotations

import json
import textwrap
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from workflows.embedded.state import write_private
from workflows.engine.states import FINAL
from workflows.models import Role, WorkflowExecution
from workflows.services.definitions.examples import load_examples
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.executions.executions import start_execution
from workflows.services.identity.identity import (
    Caller,
    Credentials,
    ensure_first_admin,
    open_caller,
)

EXAMPLES: Final = "examples"
FIRST_EXAMPLE: Final = "deploy_cluster"
EXAMPLE_SECONDS: Final = 30.0
CREDENTIALS_FILE: Final = "credentials.json"


class Command(BaseCommand):
    help = "Say where everything is; on the first start make an administrator and run an example."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="address of the web server")
        parser.add_argument("--no-examples", action="store_true", help="do not load the examples")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._credentials_file = settings.LEVANTE_DATA_DIR / CREDENTIALS_FILE
        is_first = not self._credentials_file.exists()
        credentials = self._make_admin() if is_first else None
        self._load_packaged()
        self._say_where(options["url"])
        if credentials is not None:
            self._say_credentials(credentials)
            if not options["no_examples"]:
                self._run_example(credentials)

    def _make_admin(self) -> Credentials:
        credentials = ensure_first_admin()
        kept = {name: str(value) for name, value in asdict(credentials).items()}
        write_private(self._credentials_file, json.dumps(kept, indent=2) + "\n")
        return credentials

    def _load_packaged(self) -> None:
        report = load_packaged_workflows()
        changed = [*report.created, *report.updated]
        if changed:
            self.stdout.write(f"Workflows of packages: {', '.join(changed)}")
        for place, reason in report.refused:
            self.stdout.write(f"Workflows of a package not usable: {place}: {reason}")

    def _say_where(self, url: str) -> None:
        self.stdout.write(
            f"\nLevante is ready.\n"
            f"  Admin pages        {url}/admin/\n"
            f"  API                {url}/v2/\n"
            f"  Flower (workers)   {url}/admin/flower/\n"
        )

    def _say_credentials(self, credentials: Credentials) -> None:
        password = credentials.password or "(as before)"
        self.stdout.write(
            f"  User      {credentials.user}\n"
            f"  Password  {password}\n"
            f"  Project   {credentials.project_id}\n"
            f"  API token {credentials.token}\n"
            f"  These are shown once; you alone can read them in {self._credentials_file}\n"
        )

    def _run_example(self, credentials: Credentials) -> None:
        """Load the examples, run one on the workers, and show what it gave."""
        caller = Caller(credentials.project_id, Role.ADMIN, name=credentials.user)
        if settings.LEVANTE_NO_AUTH:
            caller = open_caller()
        names = load_examples(settings.BASE_DIR / EXAMPLES, caller)
        self.stdout.write(f"  Examples  {', '.join(names)}\n")
        execution = start_execution(
            project_id=caller.project_id, workflow=FIRST_EXAMPLE, input={}, params={}
        )
        deadline = time.monotonic() + EXAMPLE_SECONDS
        while execution.state not in FINAL and time.monotonic() < deadline:
            time.sleep(0.1)
            execution = WorkflowExecution.objects.get(id=execution.id)
        output = textwrap.indent(json.dumps(execution.output, indent=2), "    ")
        self.stdout.write(f"\n  A first run of {FIRST_EXAMPLE}: {execution.state}\n{output}\n\n")
