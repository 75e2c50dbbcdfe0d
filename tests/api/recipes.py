"""What the rows of tests/api/matrix.py are about: objects of an owner, and the request for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.utils import timezone

from workflows.models import (
    ActionExecution,
    MemberStatus,
    Role,
    TaskExecution,
    WorkflowDefinition,
    WorkflowMember,
)
from workflows.services.advancing.advance import advance
from workflows.services.definitions.action_uploads import create_actions
from workflows.services.definitions.code_sources import create_code_source, create_dynamic_action
from workflows.services.definitions.environments import create_environment
from workflows.services.definitions.members import add_member
from workflows.services.definitions.workbook_uploads import create_workbook
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.executions.executions import change_state, start_execution
from workflows.services.identity.identity import Caller
from workflows.services.running.action_runs import start_action_run
from workflows.services.triggers.cron_triggers import create_cron_trigger
from workflows.services.triggers.event_triggers import create_event_trigger

WORKFLOW: Final = "version: '2.0'\n{name}:\n  tasks:\n    t: {{action: {action}}}\n"
PARENT: Final = "version: '2.0'\n{name}:\n  tasks:\n    t: {{workflow: {child}}}\n"
ACTION: Final = "version: '2.0'\n{name}:\n  base: std.echo output=1\n"
WORKBOOK: Final = (
    "version: '2.0'\nname: {name}\nworkflows:\n  w:\n    tasks:\n      t: {{action: std.noop}}\n"
)

CODE: Final = """
class Twice:
    def __init__(self, x):
        self.x = x

    def run(self, context):
        return 2 * self.x
"""


@dataclass(frozen=True)
class Setting:
    """Who owns the object, which scope it has, and who asks for it."""

    owner: Caller
    scope: str
    is_shared: bool
    asker: UUID  # project of the caller

    @property
    def maker(self) -> Caller:
        """The owner with the right to make public things."""
        return Caller(self.owner.project_id, Role.ADMIN, name="owner")


@dataclass(frozen=True)
class Request:
    """A request; `listed` is an id that stands in the answer exactly if the object is visible."""

    path: str
    body: Any = ""
    listed: str = ""


Made = tuple[str, str]  # id and name
Recipe = Callable[[Setting], Request]


def _name() -> str:
    return f"x{uuid4().hex}"


def workflow(setting: Setting, action: str = "std.noop") -> Made:
    made = create_workflows(
        caller=setting.maker,
        text=WORKFLOW.format(name=_name(), action=action),
        scope=setting.scope,
    )[0]
    if setting.is_shared:
        _share(setting, made)
    return str(made.pk), made.name


def _share(setting: Setting, made: WorkflowDefinition) -> None:
    member = add_member(caller=setting.maker, workflow_id=made.pk, member_id=setting.asker)
    member.status = MemberStatus.ACCEPTED
    member.save()


def workbook(setting: Setting) -> Made:
    text = WORKBOOK.format(name=_name())
    made = create_workbook(caller=setting.maker, text=text, scope=setting.scope)
    return str(made.pk), made.name


def action(setting: Setting, namespace: str = "") -> Made:
    text = ACTION.format(name=_name())
    made = create_actions(
        caller=setting.maker, text=text, namespace=namespace, scope=setting.scope
    )[0]
    return str(made.pk), made.name


def environment(setting: Setting) -> Made:
    made = create_environment(
        caller=setting.maker, name=_name(), variables={"a": 1}, scope=setting.scope
    )
    return str(made.pk), made.name


def cron_trigger(setting: Setting) -> Made:
    made = create_cron_trigger(
        caller=setting.maker,
        name=_name(),
        workflow=workflow(setting)[1],
        pattern="0 3 * * *",
        scope=setting.scope,
    )
    return str(made.pk), made.name


def event_trigger(setting: Setting) -> Made:
    made = create_event_trigger(
        caller=setting.maker,
        workflow_id=UUID(workflow(setting)[0]),
        exchange=_name(),
        topic="topic",
        event="event",
        scope=setting.scope,
    )
    return str(made.pk), made.name


def code_source(setting: Setting) -> Made:
    made = create_code_source(
        caller=setting.maker, name=_name(), namespace="", scope=setting.scope, content=CODE
    )
    return str(made.pk), made.name


def dynamic_action(setting: Setting) -> Made:
    made = create_dynamic_action(
        caller=setting.maker,
        name=_name(),
        class_name="Twice",
        source=code_source(setting)[0],
        namespace="",
        scope=setting.scope,
    )
    return str(made.pk), made.name


def execution(setting: Setting, name: str = "") -> Made:
    made = start_execution(
        project_id=setting.owner.project_id,
        workflow=name or workflow(setting, "std.async_noop")[1],
        input={},
        params={},
    )
    advance(made.pk)
    return str(made.pk), made.workflow_name


def task(setting: Setting) -> Made:
    run, _ = execution(setting)
    made = TaskExecution.objects.get(execution_id=run)
    return str(made.pk), made.name


def action_execution(setting: Setting) -> Made:
    run, _ = execution(setting)
    made = ActionExecution.objects.get(execution_id=run)
    return str(made.pk), made.name


_KINDS: Final[dict[str, Callable[[Setting], Made]]] = {
    "workflow": workflow,
    "workbook": workbook,
    "action": action,
    "code_source": code_source,
    "dynamic_action": dynamic_action,
    "environment": environment,
    "cron_trigger": cron_trigger,
    "event_trigger": event_trigger,
    "execution": execution,
    "task": task,
    "action_execution": action_execution,
}


def list_of(kind: str) -> Recipe:
    """The list of all objects of a kind."""

    def make(setting: Setting) -> Request:
        identity, _ = _KINDS[kind](setting)
        return Request(f"/v2/{kind}s", listed=identity)

    return make


def one(kind: str, by: str = "id") -> Recipe:
    """One object of a kind."""

    def make(setting: Setting) -> Request:
        identity, name = _KINDS[kind](setting)
        return Request(f"/v2/{kind}s/{name if by == 'name' else identity}")

    return make


def below(kind: str, what: str) -> Recipe:
    """What hangs on one object of a kind."""

    def make(setting: Setting) -> Request:
        return Request(f"{one(kind)(setting).path}/{what}")

    return make


def plain(path: str, body: Any = "") -> Recipe:
    """A request that is about no object."""
    return lambda _: Request(path, body)


def upload_workflow(_: Setting) -> Request:
    return Request("/v2/workflows", WORKFLOW.format(name=_name(), action="std.noop"))


def validate_workflow(_: Setting) -> Request:
    return Request("/v2/workflows/validate", WORKFLOW.format(name="w", action="std.noop"))


def update_workflow_by_name(setting: Setting) -> Request:
    _, name = workflow(setting)
    return Request("/v2/workflows", WORKFLOW.format(name=name, action="std.fail"))


def update_workflow(setting: Setting) -> Request:
    identity, name = workflow(setting)
    return Request(f"/v2/workflows/{identity}", WORKFLOW.format(name=name, action="std.fail"))


def _member(setting: Setting) -> WorkflowMember:
    """A member of a workflow; the relation is shared with the asker only if it is the member."""
    private = Setting(setting.owner, "private", is_shared=False, asker=setting.asker)
    made = WorkflowDefinition.objects.get(pk=workflow(private)[0])
    member = setting.asker if setting.is_shared else uuid4()
    return WorkflowMember.objects.create(workflow=made, member_id=member, created_at=timezone.now())


def members(setting: Setting) -> Request:
    found = _member(setting)
    # A member relation is always a private thing, so nobody learns of it from the list.
    return Request(f"/v2/workflows/{found.workflow_id}/members", listed=str(found.pk))


def new_member(setting: Setting) -> Request:
    identity, _ = workflow(setting)
    if setting.scope == "public":
        WorkflowDefinition.objects.filter(pk=identity).update(scope="public")
    return Request(f"/v2/workflows/{identity}/members", {"member_id": str(uuid4())})


def member(setting: Setting) -> Request:
    found = _member(setting)
    return Request(f"/v2/workflows/{found.workflow_id}/members/{found.member_id}")


def member_answer(setting: Setting) -> Request:
    return Request(member(setting).path, {"status": "accepted"})


def upload_workbook(_: Setting) -> Request:
    return Request("/v2/workbooks", WORKBOOK.format(name=_name()))


def validate_workbook(_: Setting) -> Request:
    return Request("/v2/workbooks/validate", WORKBOOK.format(name="b"))


def update_workbook(setting: Setting) -> Request:
    _, name = workbook(setting)
    return Request("/v2/workbooks", WORKBOOK.format(name=name) + "description: new\n")


def upload_action(_: Setting) -> Request:
    return Request("/v2/actions", ACTION.format(name=_name()))


def validate_action(_: Setting) -> Request:
    return Request("/v2/actions/validate", ACTION.format(name="a"))


def update_action_by_name(setting: Setting) -> Request:
    _, name = action(setting)
    return Request("/v2/actions", ACTION.format(name=name))


def update_action(setting: Setting) -> Request:
    identity, name = action(setting)
    return Request(f"/v2/actions/{identity}", ACTION.format(name=name))


def spaced_action(setting: Setting) -> Request:
    _, name = action(setting, "space")
    return Request(f"/v2/actions/{name}/space")


def update_spaced_action(setting: Setting) -> Request:
    _, name = action(setting, "space")
    return Request(f"/v2/actions/{name}/space", ACTION.format(name=name))


def new_environment(_: Setting) -> Request:
    return Request("/v2/environments", {"name": _name(), "variables": {"a": 1}})


def new_cron_trigger(setting: Setting) -> Request:
    """The object is the workflow that it starts."""
    body = {"name": _name(), "workflow_id": workflow(setting)[0], "pattern": "0 3 * * *"}
    return Request("/v2/cron_triggers", body)


def new_event_trigger(setting: Setting) -> Request:
    """The object is the workflow that it starts."""
    place = {"exchange": _name(), "topic": "topic", "event": "event"}
    return Request("/v2/event_triggers", place | {"workflow_id": workflow(setting)[0]})


def rename_event_trigger(setting: Setting) -> Request:
    return Request(one("event_trigger")(setting).path, {"name": "other"})


def send_event(_: Setting) -> Request:
    return Request(f"/v2/events/{_name()}/topic", {"event_type": "event"})


def send_typed_event(_: Setting) -> Request:
    return Request(f"/v2/events/{_name()}/topic/event", {"x": 1})


def update_environment(setting: Setting) -> Request:
    _, name = environment(setting)
    return Request("/v2/environments", {"name": name, "variables": {"a": 2}})


def new_code_source(_: Setting) -> Request:
    return Request(f"/v2/code_sources?name={_name()}", CODE)


def update_code_source_by_name(setting: Setting) -> Request:
    return Request(f"/v2/code_sources?identifier={code_source(setting)[1]}", CODE)


def update_code_source(setting: Setting) -> Request:
    return Request(f"/v2/code_sources/{code_source(setting)[0]}", CODE)


def new_dynamic_action(setting: Setting) -> Request:
    source = code_source(setting)[0]
    body = {"name": _name(), "class_name": "Twice", "code_source_id": source}
    return Request("/v2/dynamic_actions", body)


def update_dynamic_action(setting: Setting) -> Request:
    return Request("/v2/dynamic_actions", {"id": dynamic_action(setting)[0], "class_name": "Other"})


def metrics(_: Setting) -> Request:
    return Request("/metrics")


def maintenance(_: Setting) -> Request:
    return Request("/maintenance")


def end_maintenance(_: Setting) -> Request:
    return Request("/maintenance", {"status": "RUNNING"})


def start(setting: Setting) -> Request:
    identity, _ = workflow(setting)
    return Request("/v2/executions", {"workflow_id": identity})


def describe_execution(setting: Setting) -> Request:
    identity, _ = execution(setting)
    return Request(f"/v2/executions/{identity}", {"description": "new"})


def finished_execution(setting: Setting) -> Request:
    identity, _ = execution(setting)
    change_state(UUID(identity), "CANCELLED")  # type: ignore[arg-type]
    return Request(f"/v2/executions/{identity}")


def rerun(setting: Setting) -> Request:
    _, name = workflow(setting, "std.fail")
    run, _ = execution(setting, name)
    failed = TaskExecution.objects.get(execution_id=run)
    return Request(f"/v2/tasks/{failed.pk}", {"state": "RUNNING", "reset": True})


def actions_of_task(setting: Setting) -> Request:
    identity, _ = action_execution(setting)
    of = ActionExecution.objects.get(pk=identity).task_id
    return Request(f"/v2/tasks/{of}/action_executions", listed=identity)


def action_of_task(setting: Setting) -> Request:
    found = actions_of_task(setting)
    return Request(f"{found.path}/{found.listed}")


def executions_of_task(setting: Setting) -> Request:
    _, child = workflow(setting)
    parent = create_workflows(
        caller=setting.maker, text=PARENT.format(name=_name(), child=child), scope="private"
    )[0]
    run, _ = execution(setting, parent.name)
    started = TaskExecution.objects.get(execution_id=run)
    below = started.children.get()
    return Request(f"/v2/tasks/{started.pk}/workflow_executions", listed=str(below.pk))


def run_action(setting: Setting) -> Request:
    """The object is the action that is run."""
    _, name = action(setting)
    return Request("/v2/action_executions", {"name": name})


def complete_action(setting: Setting) -> Request:
    identity, _ = action_execution(setting)
    return Request(f"/v2/action_executions/{identity}", {"state": "SUCCESS", "output": {}})


def finished_action(setting: Setting) -> Request:
    made = start_action_run(
        project_id=setting.owner.project_id,
        name="std.noop",
        namespace="",
        input={},
        params={"save_result": True, "run_sync": True},
        description="",
    )
    return Request(f"/v2/action_executions/{made.pk}")
