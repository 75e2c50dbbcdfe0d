"""`manage.py token`: make an API token and print it once, as one line of JSON."""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from workflows.models import Project, Role
from workflows.services.identity import issue_token


class Command(BaseCommand):
    help = "Make an API token for a user in a project; prints one line of JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="name of an existing user")
        parser.add_argument("--project", required=True, help="name or id of an existing project")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="what the token is for")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['user']!r}")
        project = find_project(options["project"])
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        token = issue_token(user, project, Role(options["role"]), options["name"])
        answer = {
            "user": user.get_username(),
            "project_id": str(project.pk),
            "role": options["role"],
            "token": token,
        }
        self.stdout.write(json.dumps(answer))


def find_project(text: str) -> Project | None:
    """Return the project of this name, or else of this id."""
    project = Project.objects.filter(name=text).first()
    if project is None:
        with suppress(ValueError):
            project = Project.objects.filter(pk=uuid.UUID(text)).first()
    return project
