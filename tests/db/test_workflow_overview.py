"""The list of workflows with their last runs: what belongs to whom, order, pages, revisions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from workflows.engine.states import State
from workflows.errors import Conflict, NotFound
from workflows.models import Project, Role, Scope, WorkflowDefinition, WorkflowExecution
from workflows.services.definitions.workflow_uploads import (
    create_workflows,
    restore_revision,
    update_workflow,
)
from workflows.services.identity.identity import Caller
from workflows.services.pages import workflow_overview
from workflows.services.pages.workflow_overview import (
    RUNS,
    WorkflowFilter,
    count_runs,
    get_workflow_row,
    list_revisions,
    list_workflow_rows,
)

pytestmark = pytest.mark.django_db(transaction=True)


def make_caller(name: str, role: Role = Role.AUTHOR) -> Caller:
    return Caller(Project.objects.create(name=name).pk, role)


def text_of(name: str, action: str = "std.noop") -> str:
    return f"version: '2.0'\n{name}:\n  tags: [{name}-tag]\n  tasks: {{t: {{action: {action}}}}}\n"


def make_workflow(caller: Caller, name: str, scope: str = Scope.PRIVATE) -> WorkflowDefinition:
    return create_workflows(caller=caller, text=text_of(name), scope=scope)[0]


def add_run(caller: Caller, workflow: WorkflowDefinition, state: State, minutes_ago: int) -> None:
    created = timezone.now() - timedelta(minutes=minutes_ago)
    WorkflowExecution.objects.create(
        project_id=caller.project_id,
        revision=workflow.revision,
        workflow_id=workflow.pk,
        workflow_name=workflow.name,
        state=state,
        created_at=created,
        finished_at=None if state is State.RUNNING else created + timedelta(seconds=3),
    )


def names(caller: Caller, wanted: WorkflowFilter) -> list[str]:
    page = list_workflow_rows(caller, wanted, after=None, size=50)
    return [row.workflow.name for row in page.rows]


def test_runs_are_the_last_ones_of_the_own_project(django_assert_num_queries) -> None:
    blue, red = make_caller("blue"), make_caller("red", Role.ADMIN)
    workflow = make_workflow(red, "shared", Scope.PUBLIC)
    make_workflow(blue, "own")
    for minute in range(RUNS + 5):
        add_run(blue, workflow, State.SUCCESS if minute % 2 else State.ERROR, minute)
    add_run(red, workflow, State.RUNNING, 0)
    with django_assert_num_queries(2):
        page = list_workflow_rows(blue, WorkflowFilter(), after=None, size=50)
    own, shared = page.rows
    assert (own.last_run, own.success_percent) == (None, None)
    assert len(shared.runs) == RUNS
    assert shared.last_run is not None
    assert shared.last_run.state is State.ERROR
    assert shared.last_run.seconds == 3
    assert shared.success_percent == 50


def test_the_list_is_narrowed_and_has_pages() -> None:
    caller = make_caller("blue")
    for name in ("a", "b", "ab", "c"):
        make_workflow(caller, name)
    assert names(caller, WorkflowFilter(text="B")) == ["ab", "b"]
    assert names(caller, WorkflowFilter(tag="c-tag")) == ["c"]
    assert names(caller, WorkflowFilter(namespace="other")) == []
    first = list_workflow_rows(caller, WorkflowFilter(), after=None, size=3)
    second = list_workflow_rows(
        caller,
        WorkflowFilter(),
        after=(first.rows[-1].workflow.name, first.rows[-1].workflow.pk),
        size=3,
    )
    seen = [row.workflow.name for row in [*first.rows, *second.rows]]
    assert seen == ["a", "ab", "b", "c"]
    assert (first.has_more, second.has_more) == (True, False)


def test_only_an_administrator_sees_all_projects() -> None:
    blue, admin = make_caller("blue"), make_caller("red", Role.ADMIN)
    make_workflow(blue, "own")
    everything = WorkflowFilter(is_all_projects=True)
    assert names(admin, everything) == ["own"]
    assert names(admin, WorkflowFilter()) == []
    assert names(make_caller("green"), everything) == []


def test_an_earlier_revision_is_restored_as_a_new_one() -> None:
    caller = make_caller("blue")
    workflow = make_workflow(caller, "flow")
    add_run(caller, workflow, State.SUCCESS, 1)
    changed = text_of("flow", "std.fail")
    update_workflow(caller=caller, identifier=str(workflow.pk), text=changed, comment="worse")
    restore_revision(caller=caller, identifier=str(workflow.pk), number=1)
    row = get_workflow_row(caller, workflow.pk)
    revisions = list_revisions(row.workflow)
    assert [(one.number, one.comment) for one in revisions] == [
        (3, "Restored revision 1"), (2, "worse"), (1, ""),
    ]  # fmt: skip
    assert row.workflow.revision is not None
    assert row.workflow.revision.text == text_of("flow")
    runs = count_runs(caller, row.workflow)
    assert (runs.counts, runs.is_cut) == ({revisions[2].pk: 1}, False)
    with pytest.raises(NotFound):
        restore_revision(caller=caller, identifier=str(workflow.pk), number=9)


def test_only_the_newest_runs_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_overview, "_MOST_COUNTED", 2)
    caller = make_caller("blue")
    workflow = make_workflow(caller, "flow")
    for number in (1, 2, 3):
        add_run(caller, workflow, State.SUCCESS, number)
    runs = count_runs(caller, workflow)
    assert (list(runs.counts.values()), runs.is_cut) == ([2], True)
    assert count_runs(make_caller("green"), workflow).counts == {}


def test_a_text_made_from_an_old_revision_is_refused() -> None:
    caller = make_caller("blue")
    workflow = make_workflow(caller, "flow")
    identifier, text = str(workflow.pk), text_of("flow", "std.fail")
    update_workflow(caller=caller, identifier=identifier, text=text, base_number=1)
    with pytest.raises(Conflict, match="stored revision 2"):
        update_workflow(caller=caller, identifier=identifier, text=text, base_number=1)
    assert workflow.revisions.count() == 2
