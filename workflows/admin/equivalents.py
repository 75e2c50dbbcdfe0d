"""A start from the run form as others would do it: by REST and on the command line."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field

from workflows.jsontypes import JSONObject


@dataclass(frozen=True, slots=True)
class Start:
    """What a run form asks for."""

    workflow: str
    namespace: str
    input: JSONObject
    params: JSONObject = field(default_factory=dict)
    description: str = ""


def as_request(start: Start, server: str) -> str:
    """Write the start as a call of curl; the token comes from the shell."""
    body: JSONObject = {"workflow_name": start.workflow}
    if start.namespace:
        body["workflow_namespace"] = start.namespace
    if start.input:
        body["input"] = start.input
    if start.params:
        body["params"] = start.params
    if start.description:
        body["description"] = start.description
    lines = [
        f"curl -X POST {shlex.quote(server + '/v2/executions')}",
        "-H 'Content-Type: application/json'",
        '-H "X-Auth-Token: $LEVANTE_TOKEN"',
        f"-d {shlex.quote(_dump(body))}",
    ]
    return " \\\n  ".join(lines)


def as_command(start: Start) -> str:
    """Write the start as a call of the command line client of Mistral."""
    parts = ["mistral execution-create"]
    if start.namespace:
        parts.append(f"--namespace {shlex.quote(start.namespace)}")
    if start.description:
        parts.append(f"--description {shlex.quote(start.description)}")
    parts.append(shlex.quote(start.workflow))
    if start.input or start.params:
        parts.append(shlex.quote(_dump(start.input)))
    if start.params:
        parts.append(shlex.quote(_dump(start.params)))
    return " ".join(parts)


def _dump(value: JSONObject) -> str:
    return json.dumps(value, ensure_ascii=False)
