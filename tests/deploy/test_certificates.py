"""The certificates of deploy/certificates.sh are ones that the strictest of our Pythons takes."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from tests.live import ROOT

USERS = {"web": 10001, "postgres": 999, "redis": 999}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so no certificates are made")
    if os.getuid() != 0:
        pytest.skip("only root may give keys to the users of the containers")
    made = tmp_path_factory.mktemp("certificates") / "tls"
    command = [ROOT / "deploy" / "certificates.sh", made, "levante.example.org"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def test_each_key_is_for_its_user_alone_and_that_of_the_authority_is_gone(folder: Path) -> None:
    keys = {path.stem: path.stat() for path in folder.glob("*.key")}
    assert {name: key.st_uid for name, key in keys.items()} == USERS
    assert {stat.S_IMODE(key.st_mode) for key in keys.values()} == {0o600}
    certificates = {path.name for path in folder.iterdir()} - {f"{name}.key" for name in keys}
    assert certificates == {"ca.crt", "web.crt", "postgres.crt", "redis.crt"}


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("web", "web"),
        ("web", "localhost"),
        ("web", "levante.example.org"),
        ("postgres", "postgres"),
        ("redis", "redis"),
    ],
)
def test_a_certificate_is_taken_for_its_name(folder: Path, name: str, host: str) -> None:
    greet(folder, name, host)


def test_a_certificate_is_refused_for_another_name(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(folder, "postgres", "redis")


def greet(folder: Path, name: str, host: str) -> None:
    """Shake hands as Python does from 3.13 on, with a server that has the certificate."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    theirs = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    left, right = socket.socketpair()
    with left, right:
        server = threading.Thread(target=answer, args=(ours, left))
        server.start()
        try:
            theirs.wrap_socket(right, server_hostname=host).close()
        finally:
            right.close()
            server.join()


def answer(context: ssl.SSLContext, connection: socket.socket) -> None:
    try:
        context.wrap_socket(connection, server_side=True).close()
    except OSError:
        connection.close()  # the other side says why
