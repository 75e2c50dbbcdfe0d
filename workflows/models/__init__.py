"""The tables. Each module holds the models of one subject, their QuerySets and constraints."""

from workflows.models.base import PayloadField, Scope
from workflows.models.code import CodeSource, DynamicAction
from workflows.models.definitions import (
    ActionDefinition,
    WorkbookDefinition,
    WorkflowDefinition,
    WorkflowRevision,
)
from workflows.models.environments import Environment
from workflows.models.event_triggers import EventOutcome, EventTrigger, TriggerEvent
from workflows.models.executions import (
    ActionExecution,
    ContextNode,
    JoinArrival,
    TaskExecution,
    WorkflowExecution,
)
from workflows.models.members import MemberStatus, WorkflowMember
from workflows.models.notifications import (
    DeliveryState,
    NotificationCursor,
    NotificationDelivery,
)
from workflows.models.projects import ApiToken, Membership, Project, Role
from workflows.models.runtime import (
    BrokerMark,
    CeleryRun,
    HistoryEvent,
    Maintenance,
    QueueProbe,
    ServiceStatus,
    Tally,
    Timer,
    TimerKind,
    WorkerProcess,
)
from workflows.models.triggers import CatchUp, CronFire, CronTrigger, FireOutcome, Overlap

__all__ = [
    "ActionDefinition",
    "ActionExecution",
    "ApiToken",
    "BrokerMark",
    "CatchUp",
    "CeleryRun",
    "CodeSource",
    "ContextNode",
    "CronFire",
    "CronTrigger",
    "DeliveryState",
    "DynamicAction",
    "Environment",
    "EventOutcome",
    "EventTrigger",
    "FireOutcome",
    "HistoryEvent",
    "JoinArrival",
    "Maintenance",
    "MemberStatus",
    "Membership",
    "NotificationCursor",
    "NotificationDelivery",
    "Overlap",
    "PayloadField",
    "Project",
    "QueueProbe",
    "Role",
    "Scope",
    "ServiceStatus",
    "Tally",
    "TaskExecution",
    "Timer",
    "TimerKind",
    "TriggerEvent",
    "WorkbookDefinition",
    "WorkerProcess",
    "WorkflowDefinition",
    "WorkflowExecution",
    "WorkflowMember",
    "WorkflowRevision",
]
