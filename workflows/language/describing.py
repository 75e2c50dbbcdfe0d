"""Short descriptions of what definitions take and give, as the API shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from workflows.jsontypes import JSONObject
from workflows.language.specs import InputParameter, Missing, WorkflowSpec


def describe_input(parameters: Iterable[InputParameter]) -> str:
    """Return the inputs of a workflow in one line: `a, b="2"`, defaults as Python writes them."""
    return ", ".join(
        parameter.name
        if isinstance(parameter.default, Missing)
        else f'{parameter.name}="{parameter.default}"'
        for parameter in parameters
    )


def describe_action_input(parameters: Iterable[InputParameter]) -> str:
    """Return the inputs of an action in one line: `a, b=2, c="x"`, defaults as JSON."""
    return ", ".join(
        parameter.name
        if isinstance(parameter.default, Missing)
        else f"{parameter.name}={json.dumps(parameter.default)}"
        for parameter in parameters
    )


def describe_interface(spec: WorkflowSpec) -> JSONObject:
    """Return the inputs of a workflow as written, and the names of its outputs."""
    written = spec.raw.get("input")
    output = spec.raw.get("output")
    return {
        "input": list(written) if isinstance(written, list) else [],
        "output": list(output) if isinstance(output, dict) else [],
    }
