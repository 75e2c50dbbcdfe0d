"""For Django code that runs beside the service: start a workflow within your own transaction.

The execution is a row in the same database, written by the same transaction as your own rows. So it
exists if and only if your transaction commits, and nothing has to be sent that could be lost.
"""

from __future__ import annotations

from uuid import UUID

from workflows.errors import NotFound
from workflows.jsontypes import JSONObject
from workflows.models import Project, WorkflowExecution
from workflows.services.executions.executions import start_execution


def start_workflow(
    workflow: str,
    input: JSONObject | None = None,
    *,
    project: str | UUID,
    namespace: str = "",
    params: JSONObject | None = None,
    description: str = "",
    execution_id: UUID | None = None,
) -> WorkflowExecution:
    """Start a workflow when the transaction that is open now commits; without one, at once.

    If the transaction is rolled back, or the savepoint in which this was called, there was no
    execution. Its first tasks start right after the commit; should the process die between the two,
    the sweep starts them. With an `execution_id` of your own, a second call gives the execution
    that is there already.

    `workflow` is a name or an id, `project` too. Raises NotFound without either, and another error
    of `workflows.errors` if the workflow does not take the input; your transaction stays usable.
    """
    return start_execution(
        project_id=_project_id(project),
        workflow=workflow,
        namespace=namespace,
        input=input or {},
        params=params or {},
        description=description,
        execution_id=execution_id,
        joins_transaction=True,
    )


def _project_id(project: str | UUID) -> UUID:
    if isinstance(project, UUID):
        return project
    found = Project.objects.filter(name=project).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"Project not found [name={project}]")
    return found
