"""Projects by name or id, whoever names them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from workflows.errors import NotPermitted, RequestInvalid
from workflows.models import Project, Role
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.identity.identity import (
    OPEN_PROJECT_ID,
    SYSTEM_PROJECT_ID,
    SYSTEM_PROJECT_NAME,
    Caller,
    forget_callers,
    open_caller,
)
from workflows.services.identity.people import caller_of_person
from workflows.services.identity.project_roles import create_project, rename_project
from workflows.services.identity.projects import find_project, provide_project
from workflows.services.triggers.periodic_tasks import get_project

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_id_comes_before_a_name_that_looks_like_it() -> None:
    blue = Project.objects.create(name="blue")
    Project.objects.create(name=str(blue.pk))
    for text in (str(blue.pk), blue.pk.hex, "blue"):
        assert find_project(text) == provide_project(text) == get_project(text) == blue
    assert find_project("green") is None
    assert find_project(str(uuid4())) is None


def test_a_missing_project_is_made_with_the_id_or_the_name() -> None:
    identity = uuid4()
    assert provide_project(identity.hex).pk == identity
    assert provide_project("red").name == "red"
    assert Project.objects.count() == 2
    for text in ("", "x" * 256):
        with pytest.raises(RequestInvalid):
            provide_project(text)


@pytest.mark.parametrize("is_loaded", [False, True])
def test_the_name_of_the_project_of_packages_is_nobodys(is_loaded: bool) -> None:
    """Before that project is there, too: else it could not be made any more."""
    if is_loaded:
        load_packaged_workflows([])
    blue = Project.objects.create(name="blue")
    root = Caller(blue.pk, Role.ADMIN, name="root")
    for text in (SYSTEM_PROJECT_NAME, str(SYSTEM_PROJECT_ID)):
        assert find_project(text) is None
        with pytest.raises(NotPermitted, match="Nobody acts"):
            provide_project(text)
        with pytest.raises(RequestInvalid, match="There is no project"):
            get_project(text)
    with pytest.raises(NotPermitted, match="Nobody acts"):
        create_project(caller=root, name=SYSTEM_PROJECT_NAME)
    with pytest.raises(NotPermitted, match="Nobody acts"):
        rename_project(caller=root, project_id=blue.pk, name=SYSTEM_PROJECT_NAME)
    load_packaged_workflows([])
    assert Project.objects.get(name=SYSTEM_PROJECT_NAME).pk == SYSTEM_PROJECT_ID


def test_the_project_without_log_ins_is_made_although_its_name_is_taken(settings: Settings) -> None:
    settings.LEVANTE_NO_AUTH = True
    forget_callers()
    Project.objects.create(name="open")
    assert open_caller().project_id == get_project("").pk == OPEN_PROJECT_ID
    forget_callers()


def test_a_superuser_whose_project_is_gone_is_in_another_one() -> None:
    user = User.objects.create_user("ann", is_superuser=True)
    blue, green = Project.objects.create(name="blue"), Project.objects.create(name="green")
    assert caller_of_person(user, green.pk).project_id == green.pk
    assert caller_of_person(user, uuid4()).project_id == blue.pk
