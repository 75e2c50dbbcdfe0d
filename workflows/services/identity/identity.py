"""Who is calling: tokens, the first administrator, the one project of a server without logins."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from workflows.errors import NotPermitted
from workflows.models import ApiToken, Membership, Project, Role

FORBIDDEN: Final = "Operation forbidden (insufficient permissions)"

# The project of a server that runs without authentication. Fixed, so that its objects are found
# again after a restart.
OPEN_PROJECT_ID: Final = uuid.UUID("6f1d2a60-5a4e-4c3b-9d7e-1c0ffee00001")
OPEN_PROJECT_NAME: Final = "open"

# The project of the workflows that come with packages. Nobody is a member of it.
SYSTEM_PROJECT_ID: Final = uuid.UUID("6f1d2a60-5a4e-4c3b-9d7e-1c0ffee00002")
SYSTEM_PROJECT_NAME: Final = "levante-system"

FIRST_PROJECT: Final = "default"
FIRST_USER: Final = "admin"

RANK: Final = {role: rank for rank, role in enumerate(Role)}
_CACHE_SIZE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a request acts. `name` is what the history shows."""

    project_id: uuid.UUID
    role: Role
    user_id: int | None = None
    name: str = ""

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    def includes(self, role: Role) -> bool:
        """Tell whether the caller's role includes `role`."""
        return RANK[self.role] >= RANK[role]

    def require(self, role: Role) -> None:
        """Raise NotPermitted unless the caller's role includes `role`."""
        if not self.includes(role):
            raise NotPermitted(FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the first administrator logs in with; the password is empty if the user was there."""

    user: str
    password: str
    project_id: uuid.UUID
    token: str


def issue_token(
    user: User,
    project: Project,
    role: Role,
    name: str = "",
    *,
    expires_at: datetime | None = None,
) -> str:
    """Make a token and return its text, which is not kept and cannot be shown again."""
    given = ApiToken(user=user, project=project, role=role, name=name, expires_at=expires_at)
    return _issue(given)


def issue_login_token(
    user: User, project: Project, role: Role, expires_at: datetime
) -> tuple[str, ApiToken]:
    """Make the token of a log-in, which can be exchanged for one of another project."""
    row = ApiToken(
        user=user, project=project, role=role, name="log-in", expires_at=expires_at, is_login=True
    )
    return _issue(row), row


def _issue(row: ApiToken) -> str:
    text = secrets.token_urlsafe(32)
    row.digest = _digest(text)
    row.save(force_insert=True)
    return text


def ensure_first_admin() -> Credentials:
    """Make the first administrator with a project and a token; a second call adds a token only."""
    users = get_user_model().objects
    with transaction.atomic(durable=True):
        project, _ = Project.objects.get_or_create(name=FIRST_PROJECT)
        user = users.filter(is_superuser=True).order_by("pk").first()
        password = ""
        if user is None:
            password = secrets.token_urlsafe(12)
            user = users.create_superuser(username=FIRST_USER, password=password)
        Membership.objects.get_or_create(user=user, project=project, defaults={"role": Role.ADMIN})
        token = issue_token(user, project, Role.ADMIN, name="first administrator")
    return Credentials(user.get_username(), password, project.pk, token)


def find_caller(token: str, *, asks_issuers: bool = True) -> Caller | None:
    """Return for whom the token speaks; None if it is unknown, expired or revoked.

    Answers are kept for LEVANTE_TOKEN_CACHE_SECONDS, so a revocation takes that long at most.
    Without `asks_issuers` none but our own tokens and those that are remembered are known.
    """
    digest = _digest(token)
    cached = _cache.find(digest)
    if cached is not None:
        return cached
    token_row = _find_by_digest(digest)
    if token_row is None:
        return _find_elsewhere(token, digest) if asks_issuers else None
    caller = Caller(
        project_id=token_row.project_id,
        role=Role(token_row.role),
        user_id=token_row.user_id,
        name=token_row.user.get_username(),
    )
    _cache.keep(digest, caller, _seconds_to_keep(token_row.expires_at))
    return caller


def _find_elsewhere(token: str, digest: str) -> Caller | None:
    """Ask those whose tokens are accepted beside our own."""
    if not (settings.LEVANTE_OIDC_ISSUER or settings.LEVANTE_KEYSTONE_URL):
        return None
    # Loaded here, since it takes 12 MB that no worker and few servers have a use for.
    found = import_module("workflows.services.identity.issuers").ask_issuers(token)
    return None if found is None else _keep(digest, *found)


def _keep(digest: str, caller: Caller, expires_at: datetime | None) -> Caller | None:
    """Remember a caller for a while; None if the token is over."""
    seconds = _seconds_to_keep(expires_at)
    if expires_at is not None and expires_at <= timezone.now():
        return None
    _cache.keep(digest, caller, seconds)
    return caller


def open_caller() -> Caller:
    """Return the caller of a server without authentication; its project is made on demand."""
    if not _cache.has_open_project:
        provide_open_project()
        _cache.has_open_project = True
    return Caller(project_id=OPEN_PROJECT_ID, role=Role.ADMIN, name="anonymous")


def provide_open_project() -> Project:
    """Return the project of a server without authentication, which is made on first use."""
    found = Project.objects.filter(pk=OPEN_PROJECT_ID).first()
    if found is not None:
        return found
    is_taken = Project.objects.filter(name=OPEN_PROJECT_NAME).exists()
    name = f"{OPEN_PROJECT_NAME} ({OPEN_PROJECT_ID})" if is_taken else OPEN_PROJECT_NAME
    return Project.objects.get_or_create(pk=OPEN_PROJECT_ID, defaults={"name": name})[0]


def forget_callers() -> None:
    """Empty the cache; for whoever revokes a token in this process."""
    _cache.clear()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def find_token(token: str) -> ApiToken | None:
    """Return the row of a token with its user and project; None unless it is good now."""
    return _find_by_digest(_digest(token))


def _find_by_digest(digest: str) -> ApiToken | None:
    return (
        ApiToken.objects.select_related("user", "project")
        .filter(digest=digest, revoked_at=None, user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        .first()
    )


def _seconds_to_keep(expires_at: datetime | None) -> float:
    """Return how long the answer may be remembered; never beyond the end of the token."""
    seconds: float = settings.LEVANTE_TOKEN_CACHE_SECONDS
    if expires_at is None:
        return seconds
    return min(seconds, (expires_at - timezone.now()).total_seconds())


class _Cache:
    """Callers by token digest, each for a few seconds; bounded, and safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self.has_open_project = False

    def find(self, digest: str) -> Caller | None:
        with self._lock:
            kept = self._callers.get(digest)
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def keep(self, digest: str, caller: Caller, seconds: float) -> None:
        with self._lock:
            self._callers[digest] = (time.monotonic() + seconds, caller)
            self._callers.move_to_end(digest)
            if len(self._callers) > _CACHE_SIZE:
                self._callers.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._callers.clear()
            self.has_open_project = False


_cache = _Cache()
