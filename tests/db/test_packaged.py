"""Workflows of installed packages: loaded again and again, changed by nobody."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.factories import make_caller
from workflows.errors import RequestInvalid
from workflows.management.commands import load_workflows
from workflows.models import Project, Role, WorkflowDefinition
from workflows.services.definitions import packaged
from workflows.services.definitions.definitions import find_workflow
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.definitions.workflow_uploads import (
    create_workflows,
    delete_workflow,
    update_workflow,
    update_workflows,
)
from workflows.services.executions.executions import start_execution
from workflows.services.identity.identity import SYSTEM_PROJECT_ID
from workflows.services.triggers.cron_triggers import create_cron_trigger, delete_cron_trigger

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "version: '2.0'\n{name}:\n  tasks:\n    t: {{action: std.noop}}\n"


class Package:
    """A package with a folder of workflows that can be imported while a test runs."""

    def __init__(self, directory: Path, name: str) -> None:
        self.folder = directory / name
        self.folder.mkdir()
        (self.folder / "__init__.py").write_text("WORKFLOWS = __path__[0]\n")
        self.point = EntryPoint(name=name, value=name, group=packaged.ENTRY_POINT_GROUP)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Package:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Package(tmp_path, f"wares_{abs(hash(request.node.nodeid))}")
    made.write("create.yaml", TEXT.format(name="create_instance"))
    made.write("more.yml", TEXT.format(name="delete_instance"))
    made.write("notes.txt", "no workflow")
    return made


def names() -> set[str]:
    return set(WorkflowDefinition.objects.filter(is_system=True).values_list("name", flat=True))


def test_they_are_public_and_belong_to_the_system(package: Package) -> None:
    report = load_packaged_workflows([package.point])
    assert report.created == ["create_instance", "delete_instance"]
    for workflow in WorkflowDefinition.objects.all():
        assert (workflow.scope, workflow.is_system) == ("public", True)
        assert workflow.project_id == SYSTEM_PROJECT_ID
    anybody = make_caller("anybody")
    found = find_workflow(name_or_id="create_instance", namespace="", project_id=anybody.project_id)
    assert found is not None
    run = start_execution(
        project_id=anybody.project_id, workflow="create_instance", input={}, params={}
    )
    assert run.project_id == anybody.project_id


def test_a_repetition_changes_nothing_and_a_new_text_is_a_new_revision(package: Package) -> None:
    load_packaged_workflows([package.point])
    before = {row.name: row.revision_id for row in WorkflowDefinition.objects.all()}
    report = load_packaged_workflows([package.point])
    assert report.unchanged == ["create_instance", "delete_instance"]
    assert {row.name: row.revision_id for row in WorkflowDefinition.objects.all()} == before
    package.write("more.yml", TEXT.format(name="delete_instance") + "  description: new\n")
    assert load_packaged_workflows([package.point]).updated == ["delete_instance"]
    changed = WorkflowDefinition.objects.get(name="delete_instance")
    assert changed.revision is not None
    assert changed.revision.number == 2


def test_a_package_that_is_gone_takes_its_workflows_along(package: Package) -> None:
    load_packaged_workflows([package.point])
    (package.folder / "more.yml").unlink()
    assert load_packaged_workflows([package.point]).removed == ["delete_instance"]
    assert names() == {"create_instance"}
    assert load_packaged_workflows([]).removed == ["create_instance"]
    assert names() == set()


def test_a_workflow_that_a_trigger_starts_stays_without_its_package(package: Package) -> None:
    load_packaged_workflows([package.point])
    caller = make_caller("anybody")
    create_cron_trigger(caller=caller, name="t", workflow="create_instance", pattern="0 0 1 1 *")
    report = load_packaged_workflows([])
    assert report.removed == ["delete_instance"]
    assert [place for place, _ in report.refused] == ["create_instance"]
    assert names() == {"create_instance"}
    delete_cron_trigger(caller=caller, name_or_id="t")
    assert load_packaged_workflows([]).removed == ["create_instance"]


def test_what_cannot_be_used_is_told_and_removes_nothing(package: Package) -> None:
    load_packaged_workflows([package.point])
    package.write("create.yaml", "version: '2.0'\ncreate_instance: {tasks: 5}\n")
    gone = EntryPoint(name="gone", value="no_such_package", group=packaged.ENTRY_POINT_GROUP)
    odd = EntryPoint(name="odd", value="os:getpid", group=packaged.ENTRY_POINT_GROUP)
    report = load_packaged_workflows([package.point, gone, odd])
    assert [place for place, _ in report.refused] == [
        "gone",
        "odd",
        f"{package.point.name}/create.yaml",
    ]
    assert names() == {"create_instance", "delete_instance"}


def test_of_two_with_one_name_the_first_counts(package: Package) -> None:
    package.write("zz.yaml", TEXT.format(name="create_instance") + "  description: second\n")
    report = load_packaged_workflows([package.point])
    assert [place for place, _ in report.refused] == [f"{package.point.name}/zz.yaml"]
    stored = WorkflowDefinition.objects.get(name="create_instance").revision
    assert stored is not None
    assert "second" not in stored.text


def test_a_package_may_name_a_path(package: Package) -> None:
    point = EntryPoint(
        name="by-path", value=f"{package.point.value}:WORKFLOWS", group=packaged.ENTRY_POINT_GROUP
    )
    assert len(load_packaged_workflows([point]).created) == 2


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.ADMIN])
def test_nobody_changes_them_and_an_own_one_of_that_name_wins(package: Package, role: Role) -> None:
    load_packaged_workflows([package.point])
    caller = make_caller("anybody", role)
    text = TEXT.format(name="create_instance")
    for change in (
        lambda: update_workflows(caller=caller, text=text),
        lambda: update_workflow(caller=caller, identifier="create_instance", text=text),
        lambda: delete_workflow(caller=caller, identifier="create_instance"),
    ):
        with pytest.raises(RequestInvalid, match="Can not modify a system workflow"):
            change()
    own = create_workflows(caller=caller, text=text)[0]
    delete_workflow(caller=caller, identifier="create_instance")
    assert not WorkflowDefinition.objects.filter(pk=own.pk).exists()
    assert names() == {"create_instance", "delete_instance"}


def test_the_command_tells_what_it_did(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        load_workflows, "load_packaged_workflows", lambda: load_packaged_workflows([package.point])
    )
    output = StringIO()
    call_command("load_workflows", stdout=output)
    call_command("load_workflows", stdout=output)
    assert output.getvalue() == (
        "created: create_instance, delete_instance\nunchanged: create_instance, delete_instance\n"
    )
    package.write("more.yml", "no: workflow\n")
    errors = StringIO()
    with pytest.raises(CommandError):
        call_command("load_workflows", stdout=output, stderr=errors)
    assert f"not usable: {package.point.name}/more.yml" in errors.getvalue()


def test_a_project_with_the_name_of_the_system_cannot_be_taken_over(package: Package) -> None:
    load_packaged_workflows([package.point])
    assert Project.objects.get(pk=SYSTEM_PROJECT_ID).memberships.count() == 0
