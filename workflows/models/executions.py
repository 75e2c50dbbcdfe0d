"""The state of runs: executions, their tasks, the tasks' actions, and the contexts tasks saw."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from workflows.engine.states import FINAL, UNFINISHED, State
from workflows.models.base import PayloadField
from workflows.models.definitions import WorkflowRevision
from workflows.models.projects import Project

STATES = [(state.value, state.value) for state in State]
_FINAL = sorted(FINAL)
_UNFINISHED = sorted(UNFINISHED)


class WorkflowExecution(models.Model):
    """One run of a workflow.

    `parent_task` is the task that started it; `is_handled` says that the parent has taken note of
    its state. `started_by` is who started it, empty for a sub-workflow.
    `revived_at` is when a task was last rerun or skipped. `globals` is the one store of
    vars and global variables. `backlog` holds transitions that a pause put off. `is_started` is
    False until the first advance made the start tasks; `is_cut_off` says that the last one had no
    time for all inline actions; `advance_failures` counts those in a row that failed. `is_held`
    says that maintenance paused it and has to let it go on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    revision = models.ForeignKey(WorkflowRevision, models.PROTECT, related_name="executions")
    workflow_id = models.UUIDField()
    workflow_name = models.CharField(max_length=255)
    workflow_namespace = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    started_by = models.CharField(max_length=255, blank=True, default="", db_default="")
    tags = ArrayField(models.TextField(), default=list, blank=True)
    state = models.CharField(max_length=16, choices=STATES, default=State.RUNNING)
    state_info = models.TextField(null=True)  # noqa: DJ001 - null on the wire
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    revived_at = models.DateTimeField(null=True)
    is_started = models.BooleanField(default=False)
    is_cut_off = models.BooleanField(default=False)
    advance_failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    is_held = models.BooleanField(default=False, db_default=False)
    is_handled = models.BooleanField(default=True)
    is_accepted = models.BooleanField(default=False)
    item_index = models.IntegerField(default=0)
    round = models.PositiveIntegerField(default=0)
    depth = models.PositiveIntegerField(default=0)
    parent_task = models.ForeignKey(
        "TaskExecution", models.CASCADE, null=True, related_name="children", db_index=False
    )
    parent_execution_id = models.UUIDField(null=True)
    root_execution_id = models.UUIDField(null=True)
    source_execution_id = models.UUIDField(null=True)
    backlog = PayloadField(default=list)
    input = PayloadField(default=dict)
    params = PayloadField(default=dict)
    globals = PayloadField(default=dict)
    output = PayloadField(null=True)

    class Meta:
        db_table = "workflow_executions"
        indexes = [
            # Lists of a project, newest first or last.
            models.Index(fields=["project", "created_at", "id"], name="executions_by_project"),
            # The pages of administrators, who see all projects, newest first.
            models.Index(fields=["created_at", "id"], name="executions_newest"),
            # The runs of a workflow: its list, its share of successes, its usual duration.
            models.Index(
                fields=["workflow_name", "created_at", "id"], name="executions_by_workflow"
            ),
            # The same in one project, where others may have very many runs of that name.
            models.Index(
                fields=["project", "workflow_name", "created_at", "id"],
                name="executions_by_project_workflow",
            ),
            # The last runs of each workflow in the list of a project's workflows.
            models.Index(
                fields=["project", "workflow_id", "created_at"], name="executions_of_project"
            ),
            # What somebody looks for among many runs that went well.
            models.Index(
                fields=["created_at", "id"],
                name="executions_not_well",
                condition=Q(state__in=(State.ERROR, State.CANCELLED, State.PAUSED)),
            ),
            # The same for one state that is rare among them.
            models.Index(
                fields=["state", "created_at"],
                name="executions_not_well_by_state",
                condition=Q(state__in=(State.ERROR, State.CANCELLED, State.PAUSED)),
            ),
            # The runs of a workflow whatever its name was: lists by its id, estimates of reports.
            models.Index(fields=["workflow_id", "created_at"], name="executions_by_workflow_id"),
            # Runs with a tag; most have none.
            GinIndex(fields=["tags"], name="executions_tagged", condition=~Q(tags=[])),
            # The tree below a root, and below a task. Most executions are below nothing.
            models.Index(
                fields=["root_execution_id"],
                name="executions_by_root",
                condition=Q(root_execution_id__isnull=False),
            ),
            models.Index(
                fields=["parent_task"],
                name="executions_by_parent_task",
                condition=Q(parent_task__isnull=False),
            ),
            # Children whose end the parent has not seen: read by each advance and by the sweep.
            models.Index(
                fields=["parent_execution_id"],
                name="executions_unhandled",
                condition=Q(is_handled=False),
            ),
            # What is alive: sweep and dashboard.
            models.Index(
                fields=["created_at"],
                name="executions_live",
                condition=Q(state__in=_UNFINISHED),
            ),
            # What waits for admission, for as long as there is any: asked by starts and the sweep.
            models.Index(
                fields=["created_at"],
                name="executions_waiting",
                condition=Q(state=State.IDLE, parent_task=None, is_started=False),
            ),
            # What has ended, oldest first: retention, and how many ended lately.
            models.Index(
                fields=["finished_at"],
                name="executions_ended",
                condition=Q(state__in=_FINAL, parent_task=None),
            ),
            # What has to go on after maintenance: read by the sweep.
            models.Index(fields=["depth"], name="executions_held", condition=Q(is_held=True)),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_name} {self.id}"


class ContextNode(models.Model):
    """The branch variables at one point of a run; never changed once written.

    A node holds what differs from `base`, or everything when `base` is null. `versions` counts per
    leaf key how often it was published along the branch, which decides merges at joins.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(WorkflowExecution, models.CASCADE, related_name="contexts")
    base_id = models.UUIDField(null=True)
    depth = models.PositiveIntegerField(default=0)
    variables = PayloadField(default=dict)
    versions = PayloadField(default=dict)

    class Meta:
        db_table = "context_nodes"

    def __str__(self) -> str:
        return str(self.id)


class TaskExecution(models.Model):
    """One run of a task.

    `context_id` is the context it saw, `out_context_id` the one its followers see. `is_processed`
    says that its transitions were followed, `has_followers` that one of them led somewhere.
    `unique_key` names a join and its round, so that it exists once; `arrived` counts its arrivals.
    `attempt` counts the retries since the last start, `round` every start of its work. `waits_for`
    is why a DELAYED or IDLE task waits. `pending` holds the end that wait-after puts off.
    `closed_from` is the state it had when the end of its execution closed it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # That of the execution, which has the constraint in the database.
    project = models.ForeignKey(
        Project, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    # `tasks_by_name` is its index.
    execution = models.ForeignKey(
        WorkflowExecution, models.CASCADE, related_name="tasks", db_index=False
    )
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=16, default="ACTION")
    state = models.CharField(max_length=16, choices=STATES, default=State.RUNNING)
    state_info = models.TextField(null=True)  # noqa: DJ001 - null on the wire
    tags = ArrayField(models.TextField(), default=list, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    is_processed = models.BooleanField(default=False)
    has_followers = models.BooleanField(default=False)
    is_error_handled = models.BooleanField(default=False)
    unique_key = models.CharField(max_length=300, null=True)  # noqa: DJ001 - null: not a join
    attempt = models.PositiveIntegerField(default=0)
    round = models.PositiveIntegerField(default=0)
    has_paused_before = models.BooleanField(default=False)
    has_waited_before = models.BooleanField(default=False)
    has_waited_after = models.BooleanField(default=False)
    waits_for = models.CharField(max_length=16, blank=True, default="")
    closed_from = models.CharField(max_length=16, blank=True, default="")
    items_total = models.PositiveIntegerField(null=True)
    concurrency = models.PositiveIntegerField(null=True)
    context_id = models.UUIDField(null=True)
    out_context_id = models.UUIDField(null=True)
    triggered_by = PayloadField(default=list)
    arrived = models.PositiveIntegerField(default=0)
    pending = PayloadField(null=True)
    published = PayloadField(null=True, default=dict)
    published_global = PayloadField(default=dict)

    class Meta:
        db_table = "task_executions"
        constraints = [
            # A join exists once per round, whoever triggers it.
            models.UniqueConstraint(
                fields=["execution", "unique_key"],
                name="task_executions_unique_key",
                condition=Q(unique_key__isnull=False),
            ),
        ]
        indexes = [
            # Lists of a project.
            models.Index(fields=["project", "created_at", "id"], name="tasks_by_project"),
            # Lists of administrators, who see all projects.
            models.Index(fields=["created_at"], name="tasks_newest"),
            # The newest run of a task by name: `task('x')`, arrivals, rerun.
            models.Index(fields=["execution", "name", "created_at"], name="tasks_by_name"),
            # Is anything left to do? Read at the end of each branch.
            models.Index(
                fields=["execution", "name"],
                name="tasks_unfinished",
                condition=Q(state__in=_UNFINISHED),
            ),
            # Failures that nothing handled, and cancelled tasks: read once at the end.
            models.Index(
                fields=["execution"],
                name="tasks_unhandled",
                condition=Q(state="ERROR", is_error_handled=False) | Q(state="CANCELLED"),
            ),
            # Ended while the execution was paused: read at the resume.
            models.Index(
                fields=["execution"],
                name="tasks_unprocessed",
                condition=Q(state__in=_FINAL, is_processed=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class JoinArrival(models.Model):
    """One inbound task that has triggered a join; a row each, since a join may have thousands."""

    id = models.BigAutoField(primary_key=True)
    join = models.ForeignKey(TaskExecution, models.CASCADE, related_name="arrivals", db_index=False)
    inbound_name = models.CharField(max_length=255)
    inbound_task_id = models.UUIDField()
    event = models.CharField(max_length=16)
    context_id = models.UUIDField(null=True)
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "join_arrivals"
        constraints = [
            # An inbound task counts once, however many clauses lead from it to the join.
            models.UniqueConstraint(fields=["join", "inbound_name"], name="join_arrivals_once"),
        ]

    def __str__(self) -> str:
        return self.inbound_name


class ActionExecution(models.Model):
    """One attempt of an action, or one item of it; also the outbox of work.

    RUNNING without `token` is ready for a worker; the worker that sets `token` owns the attempt,
    and every later write of that attempt names the token. `is_item` says that lanes run it; IDLE
    items wait for capacity and are not shown to users. An ended action with `is_handled` False
    waits for the engine. `base_name` and `base_input` are what really runs when `name` is an
    ad-hoc action.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No constraint in the database, which would cost a look-up for each action: who stores one
    # has its project from an execution or from a caller.
    project = models.ForeignKey(
        Project, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    # No constraint in the database: that of the task says the same, and to check this one at each
    # deletion would need one more index on the largest table.
    execution = models.ForeignKey(
        WorkflowExecution,
        models.CASCADE,
        null=True,
        related_name="actions",
        db_index=False,
        db_constraint=False,
    )
    task = models.ForeignKey(TaskExecution, models.CASCADE, null=True, related_name="actions")
    name = models.CharField(max_length=255)
    namespace = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    state = models.CharField(max_length=16, choices=STATES, default=State.RUNNING)
    state_info = models.TextField(null=True)  # noqa: DJ001 - null on the wire
    is_accepted = models.BooleanField(default=False)
    is_handled = models.BooleanField(default=False)
    is_sync = models.BooleanField(default=True)
    is_inline = models.BooleanField(default=False)
    is_safe_rerun = models.BooleanField(default=False)
    is_closed = models.BooleanField(default=False)
    target = models.CharField(max_length=255, blank=True, default="")
    timeout = models.FloatField(null=True)
    is_item = models.BooleanField(default=False)
    item_index = models.IntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True)
    send_count = models.PositiveIntegerField(default=0)
    starts = models.PositiveIntegerField(default=0)
    token = models.UUIDField(null=True)
    process_id = models.UUIDField(null=True)
    base_name = models.CharField(max_length=255, blank=True, default="")
    input = PayloadField(default=dict)
    base_input = PayloadField(null=True)
    output = PayloadField(null=True)

    class Meta:
        db_table = "action_executions"
        indexes = [
            # Lists of a project.
            models.Index(fields=["project", "created_at", "id"], name="actions_by_project"),
            # Lists of administrators, who see all projects.
            models.Index(fields=["created_at"], name="actions_newest"),
            # Ended and not yet seen by the engine: read by each advance and by the sweep.
            models.Index(
                fields=["execution"],
                name="actions_unhandled",
                condition=Q(state__in=_FINAL, is_handled=False),
            ),
            # Actions the engine has not seen the end of: what lanes claim next, whether a task has
            # open items.
            models.Index(
                fields=["task", "state", "item_index"],
                name="actions_open",
                condition=Q(is_handled=False),
            ),
            # What a worker that has just ended an action of the execution may run next.
            models.Index(
                fields=["execution", "target", "created_at"],
                name="actions_ready",
                condition=Q(
                    state=State.RUNNING,
                    token=None,
                    is_handled=False,
                    is_inline=False,
                    is_item=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"
