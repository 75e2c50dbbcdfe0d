"""The example workflows: loaded into the first project, so that there is something to run."""

from __future__ import annotations

from pathlib import Path

from workflows.errors import Conflict
from workflows.services.definitions.workflow_uploads import create_workflows
from workflows.services.identity.identity import Caller


def load_examples(directory: Path, caller: Caller) -> list[str]:
    """Upload every workflow file of a directory and give the names; those that exist stay."""
    names: list[str] = []
    for file in sorted(directory.glob("*.yaml")):
        try:
            created = create_workflows(
                caller=caller, text=file.read_text(), namespace="", scope="private"
            )
        except Conflict:
            continue
        names += [workflow.name for workflow in created]
    return names
