"""Tokens of an issuer of OpenID Connect, with a small one on this machine."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pytest_django import Settings

from tests.api_client import ApiClient, make_client
from workflows.models import Project
from workflows.services.definitions.packaged import load_packaged_workflows
from workflows.services.identity import openid
from workflows.services.identity.identity import SYSTEM_PROJECT_NAME, forget_callers

HELLO = "version: '2.0'\nhello:\n  tasks:\n    t: {action: std.noop}\n"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """Publishes two keys and signs with them."""

    url: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def sign(
        self, key: Any = RSA_KEY, kid: str = "rsa", method: str = "RS256", **changes: Any
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "levante",
            "exp": now + 300,
            "iat": now,
            "sub": "u1",
            "preferred_username": "eve",
            "realm_access": {"roles": ["author", "offline_access"]},
        } | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key, algorithm=method, headers={"kid": kid})

    def body(self, path: str) -> Any:
        if path.endswith("openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {
            "keys": [
                RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
                | {"kid": "rsa", "use": "sig"},
                ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "ec", "use": "sig"},
            ]
        }


@pytest.fixture
def issuer(db: None, settings: Settings) -> Iterator[Issuer]:
    known = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append(self.path)
            body = json.dumps(known.body(self.path)).encode()
            self.send_response(known.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/realms/tools"
    settings.LEVANTE_OIDC_ISSUER = known.url
    openid._keys.cache_clear()
    try:
        yield known
    finally:
        openid._keys.cache_clear()
        server.shutdown()
        server.server_close()
        thread.join()


def bearer(token: str) -> int:
    return (
        ApiClient()
        .http.get("/v2/workflows", headers={"Authorization": f"Bearer {token}"})
        .status_code
    )


def test_a_token_acts_for_the_project_of_its_realm(issuer: Issuer) -> None:
    made = ApiClient(issuer.sign()).post("/workflows", HELLO)
    assert made.status_code == 201
    project = Project.objects.get(name="tools")
    assert made.json()["workflows"][0]["project_id"] == str(project.pk)
    assert bearer(issuer.sign(EC_KEY, "ec", "ES256")) == 200
    assert Project.objects.count() == 1
    # The keys are kept.
    assert issuer.asked == ["/realms/tools/.well-known/openid-configuration", "/realms/tools/keys"]


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        (["admin"], [200, 201, 200]),
        (["author"], [200, 201, 403]),
        (["viewer"], [200, 403, 403]),
        (["viewer", "author", "x"], [200, 201, 403]),
        (["x"], [403, 403, 403]),
        ([], [403, 403, 403]),
        ("admin", [403, 403, 403]),
        (None, [403, 403, 403]),
    ],
)
def test_roles_stand_for_ours(issuer: Issuer, roles: Any, allowed: list[int]) -> None:
    client = ApiClient(issuer.sign(realm_access={"roles": roles}))
    assert [
        client.get("/workflows").status_code,
        client.post("/workflows", HELLO).status_code,
        client.get("/executions", all_projects="true").status_code,
    ] == allowed


def test_a_claim_names_the_project_by_name_or_id(issuer: Issuer, settings: Settings) -> None:
    settings.LEVANTE_OIDC_PROJECT_CLAIM = "tenant.name"
    there, new = make_client("blue"), uuid4()
    for value in ("blue", str(there.project_id)):
        client = ApiClient(issuer.sign(tenant={"name": value}))
        assert client.get("/workflows").status_code == 200
    assert Project.objects.count() == 1
    assert ApiClient(issuer.sign(tenant={"name": str(new)})).get("/workflows").status_code == 200
    assert Project.objects.filter(pk=new).exists()
    for tenant in (None, {}, {"name": ""}, {"name": 5}, "blue", {"name": "x" * 300}):
        assert ApiClient(issuer.sign(tenant=tenant)).get("/workflows").status_code == 403
    load_packaged_workflows([])
    token = issuer.sign(tenant={"name": SYSTEM_PROJECT_NAME})
    assert ApiClient(token).get("/workflows").status_code == 403


def test_what_is_not_right_is_401(issuer: Issuer) -> None:
    now = int(time.time())
    good = issuer.sign()
    head, claims, signature = good.split(".")
    for token in (
        issuer.sign(OTHER_KEY),
        issuer.sign(kid="unknown"),
        issuer.sign(aud="somebody-else"),
        issuer.sign(aud=None),
        issuer.sign(iss="https://evil.example.org"),
        issuer.sign(iss=None),
        issuer.sign(exp=now - 60),
        issuer.sign(exp=None),
        issuer.sign(nbf=now + 300),
        issuer.sign("x" * 64, method="HS256"),
        jwt.encode({"aud": "levante"}, None, algorithm="none"),
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims}x.{signature}",
        "a.b.c",
        "..",
    ):
        assert bearer(token) == 401, token
    assert bearer(good) == 200


def test_clocks_may_differ_by_seconds(issuer: Issuer) -> None:
    now = int(time.time())
    assert bearer(issuer.sign(exp=now - 5)) == 200
    assert bearer(issuer.sign(nbf=now + 5)) == 200
    assert bearer(issuer.sign(exp=now - 15)) == 401


def test_an_issuer_may_write_itself_with_a_slash(issuer: Issuer) -> None:
    assert bearer(issuer.sign(iss=f"{issuer.url}/")) == 200
    assert bearer(issuer.sign(iss=f"{issuer.url}//")) == 401
    assert list(Project.objects.values_list("name", flat=True)) == ["tools"]


def test_the_public_key_is_no_secret_to_sign_with(issuer: Issuer) -> None:
    """Whoever may choose the algorithm could take what everybody knows for a secret."""
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    claims = issuer.sign().split(".")[1]
    signature = hmac.digest(pem, f"{head}.{claims}".encode(), "sha256")
    assert bearer(f"{head}.{claims}.{part(signature)}") == 401


def test_a_token_ends_although_it_is_remembered(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.sign(exp=int(time.time()) - 8)
    assert bearer(token) == 200
    deadline = time.monotonic() + 30
    while bearer(token) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert bearer(token) == 401


def test_our_own_tokens_are_good_as_before(issuer: Issuer) -> None:
    assert make_client("red").get("/workflows").status_code == 200
    assert ApiClient("unknown").get("/workflows").status_code == 401
    assert issuer.asked == []


def test_without_its_keys_it_is_503(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    issuer.status = 500
    token = issuer.sign()
    assert bearer(token) == 503
    issuer.status = 200
    forget_callers()
    assert bearer(token) == 200
    assert token not in caplog.text + str([one.__dict__ for one in caplog.records])
