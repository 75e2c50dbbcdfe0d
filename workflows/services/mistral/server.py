"""Reads everything that defines work from a running Mistral, or from another Levante, over REST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import requests
from keystoneauth1.exceptions import ClientException, HttpError
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from workflows.errors import SourceUnusable
from workflows.jsontypes import JSONObject
from workflows.services.mistral.content import KINDS, MistralContent, text_of

_SECONDS: Final = (10.0, 60.0)  # to connect, and between two parts of an answer
_PAGE: Final = 100
# Older servers lack some of them.
_MISSING: Final = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Login:
    """How to get in: a token, or a name and password for Keystone, or nothing at all."""

    token: str = field(default="", repr=False)
    keystone_url: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    user_domain: str = "Default"
    project: str = ""
    project_domain: str = "Default"

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Login:
        """Read what OpenStack's clients read, such as the variables that an openrc file sets."""
        return cls(
            token=variables.get("OS_AUTH_TOKEN") or variables.get("OS_TOKEN", ""),
            keystone_url=variables.get("OS_AUTH_URL", ""),
            user=variables.get("OS_USERNAME", ""),
            password=variables.get("OS_PASSWORD", ""),
            user_domain=variables.get("OS_USER_DOMAIN_NAME", "Default"),
            project=variables.get("OS_PROJECT_NAME", ""),
            project_domain=variables.get("OS_PROJECT_DOMAIN_NAME", "Default"),
        )


def read_server(url: str, login: Login, *, ca_file: Path | None = None) -> MistralContent:
    """Read all definitions, environments and triggers that the login sees."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceUnusable("The address must begin with http:// or https://")
    with requests.Session() as session:
        if ca_file is not None:
            session.verify = str(ca_file)
        token = login.token or (_log_in(login, ca_file) if login.password else "")
        if token:
            session.headers["X-Auth-Token"] = token
        lists = {kind: _read_list(session, _root(url), kind) for kind in KINDS}
    return MistralContent(_without_secrets(url), lists)


def _log_in(login: Login, ca_file: Path | None) -> str:
    """Exchange name and password for a token."""
    if not login.keystone_url:
        raise SourceUnusable("OS_PASSWORD is set, so OS_AUTH_URL must name the identity service")
    url = login.keystone_url.rstrip("/")
    user = v3.Password(
        url if url.endswith("/v3") else f"{url}/v3",
        username=login.user,
        password=login.password,
        user_domain_name=login.user_domain,
        project_name=login.project or None,
        project_domain_name=login.project_domain if login.project else None,
    )
    keystone = Session(
        verify=str(ca_file) if ca_file else True, timeout=sum(_SECONDS), redirect=False
    )
    try:
        return str(user.get_token(keystone))
    except HttpError as error:
        text = f"The identity service refuses the login ({error.http_status})"
        raise SourceUnusable(text) from None
    except ClientException as error:
        raise _unreachable(url, error) from None
    finally:
        keystone.session.close()


def _read_list(session: requests.Session, root: str, kind: str) -> list[JSONObject]:
    """Read one list to its end, page by page."""
    found: list[JSONObject] = []
    # Built-in actions have no ids that a page could begin after.
    query: dict[str, str] = {} if kind == "actions" else {"limit": str(_PAGE)}
    while True:
        page = _get(session, f"{root}/{kind}", query)
        if page.status_code in _MISSING:
            return found
        body = _json(page)
        entries = body.get(kind)
        if not isinstance(entries, list):
            raise SourceUnusable(f"{kind}: the answer is no list of a Mistral server")
        found += [one for one in entries if isinstance(one, dict)]
        marker = parse_qs(urlsplit(text_of(body, "next")).query).get("marker", [""])[0]
        if not marker or not entries or query.get("marker") == marker:
            return found
        query["marker"] = marker
        query.setdefault("limit", str(_PAGE))


def _get(session: requests.Session, url: str, query: Mapping[str, str]) -> requests.Response:
    """Ask for a page. Nobody leads the token to another address."""
    try:
        return session.get(url, params=query, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise _unreachable(url, error) from None


def _unreachable(url: str, error: Exception) -> SourceUnusable:
    # The text of the error may quote the address with its password.
    return SourceUnusable(f"{_without_secrets(url)} cannot be reached ({type(error).__name__})")


def _json(answer: requests.Response) -> JSONObject:
    if answer.status_code != HTTPStatus.OK:  # a redirection, too
        place = _without_secrets(answer.url)
        raise SourceUnusable(f"{place} answers {answer.status_code} {answer.reason}")
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SourceUnusable(f"{_without_secrets(answer.url)} is no Mistral server")
    return body


def _root(url: str) -> str:
    root = url.rstrip("/")
    return root if root.endswith("/v2") else f"{root}/v2"


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
