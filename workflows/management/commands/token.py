"""`manage.py token`: make an API token and print it once, as one line of JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import WorkflowsError
from workflows.models import Role
from workflows.services.identity.accounts import provide_token


class Command(BaseCommand):
    help = (
        "Make an API token for a user in a project; user and project are made if they are missing."
        " Prints one line of JSON with user, project_id, role and token."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="name of the user")
        parser.add_argument("--project", required=True, help="name or id of the project")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--days", type=float, metavar="N", help="days the token is good for; default: no end"
        )
        parser.add_argument("--name", default="", help="what the token is for")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            made = provide_token(
                user_name=options["user"],
                project=options["project"],
                role=Role(options["role"]),
                days=options["days"],
                name=options["name"],
            )
        except WorkflowsError as error:
            raise CommandError(error.message) from error
        answer = {
            "user": made.user,
            "project_id": str(made.project_id),
            "role": made.role.value,
            "token": made.token,
        }
        self.stdout.write(json.dumps(answer))
