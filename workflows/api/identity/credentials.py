"""The body of a log-in: who somebody says to be, how that is proved, and for which project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from workflows.api.bodies import Given, read_object
from workflows.api.identity.views import DOMAIN
from workflows.errors import RequestInvalid
from workflows.jsontypes import JSONObject, JSONValue

_METHODS: Final = ("password", "token")


class LoginRefused(APIException):
    """The user, the password, the token or the project is not right; which one is not told."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "The request you have made requires authentication."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a log-in gives: a user with a password, or a token. `project` is a name or an id."""

    method: str
    user_name: str = ""
    user_id: str = ""
    password: str = ""
    token: str = ""
    project: str = ""


def read_credentials(request: Request) -> Credentials:
    """Read a log-in; RequestInvalid if it is none, 401 if it is for what is not here."""
    body = read_object(request, "auth", {"auth": Given.JSON})
    auth = _object(body.object("auth"), "auth")
    identity = _object(auth.get("identity"), "identity")
    methods = identity.get("methods")
    if not isinstance(methods, list) or not methods:
        raise RequestInvalid("identity.methods must be a list with one method")
    if len(methods) > 1 or methods[0] not in _METHODS:
        raise LoginRefused("Attempted to authenticate with an unsupported method.")
    project = _read_scope(auth.get("scope"))
    if methods[0] == "token":
        token = _object(identity.get("token"), "token")
        return Credentials("token", token=_text(token, "id"), project=project)
    user = _object(_object(identity.get("password"), "password").get("user"), "user")
    if not user.get("id"):
        _check_domain(user.get("domain"))
    return Credentials(
        "password",
        user_name="" if user.get("id") else _text(user, "name"),
        user_id=_text(user, "id") if user.get("id") else "",
        password=_text(user, "password"),
        project=project,
    )


def _read_scope(scope: JSONValue) -> str:
    """Return the wanted project; a log-in without one is for the user's first."""
    if scope in (None, "unscoped"):
        return ""
    wanted = _object(scope, "scope")
    if "project" not in wanted:
        raise LoginRefused  # domains, trusts and systems are not here
    project = _object(wanted["project"], "scope.project")
    if project.get("id"):
        return _text(project, "id")
    _check_domain(project.get("domain"))
    return _text(project, "name")


def _check_domain(domain: JSONValue) -> None:
    given: dict[str, Any] = {} if domain is None else _object(domain, "domain")
    is_ours = given.get("id", DOMAIN["id"]) == DOMAIN["id"]
    name = given.get("name", DOMAIN["name"])
    if not is_ours or not isinstance(name, str) or name.lower() != str(DOMAIN["name"]).lower():
        raise LoginRefused


def _object(value: JSONValue, name: str) -> JSONObject:
    if not isinstance(value, dict):
        raise RequestInvalid(f"{name} must be an object")
    return value


def _text(values: JSONObject, name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise RequestInvalid(f"{name} must be a text")
    return value
