"""The actions that send a request over HTTP."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from typing import Any, Final

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.actions.outgoing import Answer, RequestFailed, send_request
from workflows.jsontypes import JSONObject, JSONValue

_GOOD: Final = range(200, 307)


class HTTPAction(Action):
    """Sends an HTTP request and returns its answer.

    `params` go into the query, `body` or `json` into the body. `auth` is "user:password",
    `timeout` in seconds. The result has content (parsed if it is JSON), status, headers, url,
    history, encoding, reason, cookies and elapsed; a status outside 200 to 306 is an error with
    the same result. Only public addresses are reached unless the operator allows more.
    """

    name = "std.http"

    def run(
        self,
        context: ActionContext,
        url: JSONValue,
        method: JSONValue = "GET",
        params: JSONValue = None,
        body: JSONValue = None,
        json: JSONValue = None,
        headers: JSONValue = None,
        cookies: JSONValue = None,
        auth: JSONValue = None,
        timeout: JSONValue = None,
        allow_redirects: JSONValue = None,
        proxies: JSONValue = None,
        verify: JSONValue = None,
    ) -> JSONValue:
        if body and json:
            raise ActionFailed("Only one of the parameters 'json' and 'body' can be passed")
        if proxies:
            raise ActionFailed("A workflow cannot choose a proxy: leave out 'proxies'.")
        try:
            answer = send_request(
                _text("method", method),
                _text("url", url),
                seconds=_seconds(timeout),
                allow_redirects=bool(allow_redirects),
                verify=verify is not False,
                params=params,
                data=_body(body),
                json=json,
                headers=_texts("headers", headers) | self.extra_headers(context),
                cookies=_texts("cookies", cookies),
                auth=_auth(auth),
            )
        except RequestFailed as failure:
            raise ActionFailed(f"Failed to send HTTP request: {failure}") from failure
        result = _result(answer)
        if answer.status not in _GOOD:
            raise ActionFailed(f"HTTP status {answer.status}", result)
        return result

    def extra_headers(self, context: ActionContext) -> dict[str, str]:
        """Headers that are sent with those of the author."""
        return {}


class MistralHTTPAction(HTTPAction):
    """Sends an HTTP request to somebody who does the work and reports its end later.

    Takes what `std.http` takes. The headers Mistral-Workflow-Name, Mistral-Workflow-Execution-Id,
    Mistral-Task-Id, Mistral-Action-Execution-Id and Mistral-Callback-URL say what to report where:
    PUT {"state": "SUCCESS", "output": ...} to the callback URL. A request that fails is an error
    of the action.
    """

    name = "std.mistral_http"
    is_sync = False

    def extra_headers(self, context: ActionContext) -> dict[str, str]:
        values = {
            "Mistral-Workflow-Name": context.workflow_name,
            "Mistral-Workflow-Execution-Id": context.workflow_execution_id,
            "Mistral-Task-Id": context.task_execution_id,
            "Mistral-Action-Execution-Id": context.action_execution_id,
            "Mistral-Callback-URL": context.callback_url,
        }
        return {name: value for name, value in values.items() if value is not None}


def _text(name: str, value: JSONValue) -> str:
    if not isinstance(value, str) or not value:
        raise ActionFailed(f"'{name}' must be a text.")
    return value


def _texts(name: str, value: JSONValue) -> dict[str, str]:
    """Numbers may stand for texts, as in Mistral."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ActionFailed(f"'{name}' must be a map of texts.")
    return {key: str(inner) for key, inner in value.items() if inner is not None}


def _seconds(value: JSONValue) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ActionFailed("'timeout' must be a number of seconds above 0.")
    return float(value)


def _body(value: JSONValue) -> bytes | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json_module.dumps(value)
    return text.encode("utf-8", "replace")


def _auth(value: JSONValue) -> tuple[str, str] | None:
    if not value:
        return None
    user, colon, password = str(value).partition(":")
    if not colon:
        raise ActionFailed("'auth' must be written as user:password.")
    return user, password


def _result(answer: Answer) -> JSONObject:
    history: list[JSONValue] = [{"status": status, "url": url} for status, url in answer.history]
    return {
        "content": _content(answer),
        "status": answer.status,
        "headers": dict(answer.headers),
        "url": answer.url,
        "history": history,
        "encoding": answer.encoding,
        "reason": answer.reason,
        "cookies": _plain(answer.cookies),
        "elapsed": answer.elapsed,
    }


def _plain(values: Mapping[str, Any]) -> JSONObject:
    return {name: None if value is None else str(value) for name, value in values.items()}


def _content(answer: Answer) -> JSONValue:
    """Give what the body says: JSON if it is that, else its text."""
    try:
        parsed: JSONValue = json_module.loads(answer.body)
    except (ValueError, RecursionError):
        try:
            return answer.body.decode(answer.encoding or "utf-8", "replace")
        except LookupError:
            return answer.body.decode("utf-8", "replace")
    return parsed
