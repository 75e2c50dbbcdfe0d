"""`manage.py welcome`: the last step of `manage.py up`. Says where everything is.

On the very first start it also makes the administrator with an API token, loads the example
workflows and runs one.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from workflows.embedded.state import write_private
from workflows.services.identity import Credentials, ensure_first_admin

EXAMPLES: Final = "examples"
CREDENTIALS_FILE: Final = "credentials.json"


class Command(BaseCommand):
    help = "Say where everything is; on the first start make an administrator and run an example."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="address of the web server")
        parser.add_argument("--flower-url", required=True, help="address of Flower")
        parser.add_argument("--no-examples", action="store_true", help="do not load the examples")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._credentials_file = settings.LEVANTE_DATA_DIR / CREDENTIALS_FILE
        is_first = not self._credentials_file.exists()
        credentials = self._make_admin() if is_first else None
        self._say_where(options["url"], options["flower_url"])
        if credentials is not None:
            self._say_credentials(credentials)

    def _make_admin(self) -> Credentials:
        credentials = ensure_first_admin()
        kept = {name: str(value) for name, value in asdict(credentials).items()}
        write_private(self._credentials_file, json.dumps(kept, indent=2) + "\n")
        return credentials

    def _say_where(self, url: str, flower_url: str) -> None:
        self.stdout.write(
            f"\nLevante is ready.\n"
            f"  Admin pages        {url}/admin/\n"
            f"  API                {url}/v2/\n"
            f"  API documentation  {url}/api/docs/\n"
            f"  Flower (workers)   {flower_url}/\n"
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
