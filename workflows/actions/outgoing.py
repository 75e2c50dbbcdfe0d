"""One HTTP request within limits of place, time and size; what actions and notifications send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import requests
from django.conf import settings
from requests.cookies import RequestsCookieJar
from requests.exceptions import RequestException

from workflows.actions.beside import TimeIsUp, run_beside
from workflows.actions.egress import EgressRefused, EgressRules, GuardedAdapter

_CHUNK: Final = 16_384  # bytes


class RequestFailed(Exception):
    """A request got no answer; the text names no secret of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `elapsed` is in seconds, until the headers of the last answer."""

    status: int
    reason: str
    url: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str | None]
    encoding: str | None
    elapsed: float
    body: bytes
    history: tuple[tuple[int, str], ...]


def send_request(
    method: str,
    url: str,
    *,
    seconds: float | None = None,
    allow_redirects: bool = False,
    verify: bool = True,
    **parts: Any,
) -> Answer:
    """Send one request and read its whole answer; `parts` are those of `requests`.

    Neither the environment's proxies nor its netrc are used. Raises RequestFailed.
    """
    limit = min(seconds or settings.LEVANTE_HTTP_SECONDS, settings.LEVANTE_HTTP_LONGEST_SECONDS)
    if not verify and not settings.LEVANTE_HTTP_ALLOW_UNVERIFIED:
        raise RequestFailed(
            "the check of certificates cannot be switched off (LEVANTE_HTTP_ALLOW_UNVERIFIED)"
        )
    adapter = GuardedAdapter(egress_rules(), follows_redirects=allow_redirects)
    options = {
        "timeout": (min(settings.LEVANTE_HTTP_CONNECT_SECONDS, limit), limit),
        "allow_redirects": allow_redirects,
        "verify": verify,
        **parts,
    }
    try:
        return run_beside(
            lambda: _send(adapter, method, url, options),
            break_off=adapter.hang_up,
            seconds=limit,
        )
    except TimeIsUp as error:
        raise RequestFailed(_too_slow(limit)) from error
    except (RequestException, EgressRefused, OSError, ValueError) as error:
        raise RequestFailed(_reason(error, limit)) from error


def _send(adapter: GuardedAdapter, method: str, url: str, options: Mapping[str, Any]) -> Answer:
    with requests.Session() as session:
        session.trust_env = False
        session.max_redirects = settings.LEVANTE_HTTP_MAX_REDIRECTS
        session.adapters.clear()
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        with session.request(method, url, stream=True, **options) as answer:
            return _answer(answer, _read(answer))


def egress_rules() -> EgressRules:
    """Read the rules from the settings; raises ImproperlyConfigured."""
    return EgressRules.from_settings("LEVANTE_HTTP")


def _read(answer: requests.Response) -> bytes:
    """Read the body; it is counted after decompression, while it comes."""
    most = settings.LEVANTE_HTTP_MAX_BYTES
    parts: list[bytes] = []
    size = 0
    for chunk in answer.iter_content(_CHUNK):
        size += len(chunk)
        if size > most:
            raise RequestFailed(f"the answer has more than {most} bytes (LEVANTE_HTTP_MAX_BYTES)")
        parts.append(chunk)
    return b"".join(parts)


def _answer(answer: requests.Response, body: bytes) -> Answer:
    elapsed: timedelta = answer.elapsed
    cookies: RequestsCookieJar = answer.cookies
    return Answer(
        status=answer.status_code,
        reason=answer.reason or "",
        url=answer.url,
        headers=dict(answer.headers.items()),
        cookies=dict(cookies.items()),
        encoding=answer.encoding,
        elapsed=elapsed.total_seconds(),
        body=body,
        history=tuple((step.status_code, step.url) for step in answer.history),
    )


def _too_slow(limit: float) -> str:
    return f"there was no whole answer within {limit:g} seconds"


def _reason(error: Exception, limit: float) -> str:
    """Say why a request failed; the URL stays out, since it may hold a secret."""
    if isinstance(error, requests.Timeout):
        return _too_slow(limit)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, EgressRefused):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    for kind, text in _REASONS:
        if isinstance(error, kind):
            return text
    return "the request could not be sent"


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (requests.TooManyRedirects, "there are too many redirects (LEVANTE_HTTP_MAX_REDIRECTS)"),
    (
        requests.exceptions.MissingSchema,
        "the URL has no scheme; it begins with http:// or https://",
    ),
    (requests.exceptions.InvalidSchema, "only http:// and https:// can be reached"),
    (requests.exceptions.InvalidURL, "the URL is not valid"),
    (requests.exceptions.InvalidHeader, "a header has a character that it must not have"),
    (requests.exceptions.SSLError, "the server's certificate is not valid or TLS failed"),
    (requests.exceptions.ProxyError, "the proxy failed"),
    (requests.exceptions.ContentDecodingError, "the answer could not be decompressed"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
    (requests.ConnectionError, "the server cannot be reached or closed the connection"),
    (UnicodeError, "the URL is not valid"),
)
