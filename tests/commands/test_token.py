"""`manage.py token`: one line of JSON with a token that works at once."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from workflows.models import ApiToken, Membership, Project
from workflows.services.identity.identity import SYSTEM_PROJECT_NAME, forget_callers

pytestmark = pytest.mark.django_db


def token(**options: Any) -> dict[str, str]:
    """Run the command and read its one line."""
    given = {"user": "ann", "project": "blue", "role": "author"} | options
    output = StringIO()
    call_command("token", **given, stdout=output)
    lines = output.getvalue().splitlines()
    assert len(lines) == 1
    answer: dict[str, str] = json.loads(lines[0])
    assert sorted(answer) == ["project_id", "role", "token", "user"]
    return answer


def status(text: str) -> int:
    forget_callers()
    return Client().get("/v2/workflows", headers={"X-Auth-Token": text}).status_code


def test_it_makes_what_is_missing() -> None:
    made = token()
    project = Project.objects.get(name="blue")
    user = User.objects.get(username="ann")
    assert made["user"] == "ann"
    assert made["role"] == "author"
    assert made["project_id"] == str(project.pk)
    assert not user.has_usable_password()
    assert not user.is_staff
    assert Membership.objects.get(user=user, project=project).role == "author"
    assert status(made["token"]) == 200


def test_it_takes_what_is_there() -> None:
    first, second = token(), token(role="viewer")
    assert first["project_id"] == second["project_id"]
    assert first["token"] != second["token"]
    assert User.objects.count() == Project.objects.count() == Membership.objects.count() == 1
    assert Membership.objects.get().role == "author"
    assert ApiToken.objects.order_by("created_at").last().role == "viewer"


def test_a_project_is_found_and_made_by_its_id() -> None:
    there, wanted = token()["project_id"], str(uuid4())
    assert token(project=there)["project_id"] == there
    assert token(project=wanted)["project_id"] == wanted
    assert token(project="c" * 31 + "0")["project_id"] == str(UUID("c" * 31 + "0"))


def test_days_end_the_token() -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        made = token(days=2)
        clock.shift(2 * 86_400 - 1)
        assert status(made["token"]) == 200
        clock.shift(1)
        assert status(made["token"]) == 401


@pytest.mark.parametrize(
    "options",
    [
        {"days": 0},
        {"days": -1},
        {"days": 10.0**12},
        {"days": float("nan")},
        {"user": ""},
        {"user": "a b"},
        {"user": "x" * 151},
        {"project": ""},
        {"project": "x" * 256},
        {"role": "king"},
    ],
)
def test_what_makes_no_sense_leaves_nothing_behind(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        token(**options)
    assert not User.objects.exists()
    assert not Project.objects.exists()


def test_nobody_gets_a_token_of_the_system_or_of_a_user_who_is_not_active() -> None:
    call_command("load_workflows", stdout=StringIO())
    with pytest.raises(CommandError, match="Nobody acts"):
        token(project=SYSTEM_PROJECT_NAME)
    token()
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        token()
