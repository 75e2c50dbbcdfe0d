"""Tokens, projects and members in the hands of people: what they may do and what follows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from workflows.errors import Conflict, NotFound, NotPermitted, RequestInvalid
from workflows.models import ApiToken, Membership, Project, Role
from workflows.services.identity.identity import (
    SYSTEM_PROJECT_ID,
    Caller,
    find_caller,
    forget_callers,
    issue_token,
)
from workflows.services.identity.project_roles import (
    create_project,
    get_project,
    list_projects,
    remove_member,
    rename_project,
    set_role,
)
from workflows.services.identity.tokens import list_tokens, make_token, revoke_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    forget_callers()
    yield
    forget_callers()


def make_person(name: str, project: Project, role: Role) -> Caller:
    user = User.objects.create_user(name)
    Membership.objects.create(user=user, project=project, role=role)
    return Caller(project.pk, role, user_id=user.pk, name=name)


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="blue")


@pytest.fixture
def admin(project: Project) -> Caller:
    return make_person("root", project, Role.ADMIN)


def test_a_token_does_what_was_asked_for_and_ends_in_time(project: Project) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    text = make_token(caller=ann, name="laptop", role=Role.OPERATOR, days=30)
    caller = find_caller(text)
    assert caller is not None
    assert (caller.project_id, caller.role, caller.name) == (project.pk, Role.OPERATOR, "ann")
    (token,) = list_tokens(ann)
    assert token.expires_at is not None
    left = token.expires_at - timezone.now()
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    assert text not in str(token.__dict__)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_token_needs_a_time_that_makes_sense(project: Project, days: int) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    with pytest.raises(RequestInvalid):
        make_token(caller=ann, name="", role=Role.VIEWER, days=days)


def test_no_token_does_more_than_who_makes_it(project: Project) -> None:
    vic = make_person("vic", project, Role.VIEWER)
    with pytest.raises(NotPermitted):
        make_token(caller=vic, name="", role=Role.OPERATOR, days=1)
    with pytest.raises(NotPermitted):
        make_token(caller=Caller(project.pk, Role.ADMIN), name="", role=Role.VIEWER, days=1)
    assert not ApiToken.objects.exists()


def test_only_an_administrator_sees_and_ends_the_tokens_of_others(
    project: Project, admin: Caller
) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    text = make_token(caller=ann, name="laptop", role=Role.AUTHOR, days=None)
    bob = make_person("bob", project, Role.AUTHOR)
    (token,) = list_tokens(ann)
    assert list_tokens(bob) == []
    with pytest.raises(NotPermitted):
        list_tokens(bob, everybody=True)
    with pytest.raises(NotFound):
        revoke_token(caller=bob, token_id=token.pk)
    assert find_caller(text) is not None
    assert list_tokens(admin, everybody=True) == [token]
    revoke_token(caller=admin, token_id=token.pk)
    assert find_caller(text) is None
    assert list_tokens(ann) == []


def test_no_token_reaches_the_log(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    with caplog.at_level(logging.DEBUG):
        text = make_token(caller=ann, name="laptop", role=Role.AUTHOR, days=1)
    assert any(record.message == "token made" for record in caplog.records)
    assert text not in "".join(str(record.__dict__) for record in caplog.records)


def test_a_lower_role_lowers_the_tokens_and_a_removal_ends_them(
    project: Project, admin: Caller
) -> None:
    other = Project.objects.create(name="red")
    make_person("ann", project, Role.AUTHOR)
    ann = User.objects.get(username="ann")
    high = issue_token(ann, project, Role.AUTHOR)
    low = issue_token(ann, project, Role.VIEWER)
    elsewhere = issue_token(ann, other, Role.AUTHOR)
    set_role(caller=admin, project_id=project.pk, user_name="ann", role="operator")
    roles = [find.role for text in (high, low, elsewhere) if (find := find_caller(text))]
    assert roles == [Role.OPERATOR, Role.VIEWER, Role.AUTHOR]
    remove_member(caller=admin, project_id=project.pk, user_name="ann")
    assert [find_caller(text) is None for text in (high, low, elsewhere)] == [True, True, False]
    with pytest.raises(NotFound):
        remove_member(caller=admin, project_id=project.pk, user_name="ann")


def test_projects_are_made_and_renamed_once_each(admin: Caller, project: Project) -> None:
    made = create_project(caller=admin, name="red")
    rename_project(caller=admin, project_id=made.pk, name="green")
    assert [(one.name, one.members) for one in list_projects(admin)] == [
        ("blue", 1), ("green", 0),
    ]  # fmt: skip
    with pytest.raises(Conflict):
        create_project(caller=admin, name="blue")
    with pytest.raises(Conflict):
        rename_project(caller=admin, project_id=made.pk, name="blue")
    for name in ("", "x" * 256):
        with pytest.raises(RequestInvalid):
            create_project(caller=admin, name=name)


def test_the_project_of_the_service_itself_is_out_of_reach(admin: Caller) -> None:
    Project.objects.get_or_create(pk=SYSTEM_PROJECT_ID, defaults={"name": "system"})
    assert SYSTEM_PROJECT_ID not in {one.pk for one in list_projects(admin)}
    with pytest.raises(NotFound):
        get_project(admin, SYSTEM_PROJECT_ID)


@pytest.mark.parametrize(("name", "role"), [("nobody", "author"), ("root", "king")])
def test_a_member_needs_a_user_and_a_role(
    admin: Caller, project: Project, name: str, role: str
) -> None:
    with pytest.raises((NotFound, RequestInvalid)):
        set_role(caller=admin, project_id=project.pk, user_name=name, role=role)


def test_only_administrators_manage_projects(project: Project) -> None:
    ann = make_person("ann", project, Role.AUTHOR)
    for call in (
        lambda: list_projects(ann),
        lambda: create_project(caller=ann, name="x"),
        lambda: set_role(caller=ann, project_id=project.pk, user_name="ann", role="admin"),
        lambda: remove_member(caller=ann, project_id=project.pk, user_name="ann"),
    ):
        with pytest.raises(NotPermitted):
            call()
