"""The action std.email against real mail servers on loopback, good and hostile ones."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.unit.actions.certificates import make_certificate
from tests.unit.actions.interrupting import interrupted_after
from workflows.actions.base import ActionContext, Outcome, parameters, perform_action
from workflows.actions.registry import summarize_input
from workflows.actions.std.email import EmailAction


@pytest.fixture(autouse=True)
def _switched_on(settings: Any) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = ["std.email"]
    settings.LEVANTE_EMAIL_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    settings.LEVANTE_EMAIL_SECONDS = 10


class Postbox:
    """Takes every message, except for addresses at nowhere.org."""

    def __init__(self) -> None:
        self.taken: list[tuple[Envelope, EmailMessage, bool]] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.endswith("nowhere.org"):
            return "550 no such mailbox: \x1b[31msecret"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        message = message_from_bytes(envelope.content or b"", policy=default_policy)  # type: ignore[arg-type]
        self.taken.append((envelope, message, session.ssl is not None))  # type: ignore[arg-type]
        return "250 OK"


def let_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_known = isinstance(data, LoginPassword) and data == LoginPassword(
        b"ann@example.org", b"opensesame"
    )
    return AuthResult(success=is_known, handled=False)


@contextmanager
def mail_server(postbox: Postbox, **options: Any) -> Iterator[str]:
    controller = Controller(postbox, hostname="127.0.0.1", port=0, **options)
    controller.port = free_port()
    controller.start()
    try:
        yield f"localhost:{controller.port}"
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[str]:
    with mail_server(postbox) as address:
        yield address


def send(server: str, **given: Any) -> Outcome:
    input = {"from_addr": "ann@example.org", "to_addrs": ["bob@example.org"], **given}
    return perform_action(EmailAction(), ActionContext(), {**input, "smtp_server": server})


def error(server: str, **given: Any) -> str:
    outcome = send(server, **given)
    assert not outcome.is_success
    return str(outcome.result)


def test_its_parameters_are_those_of_mistral() -> None:
    assert summarize_input(parameters(EmailAction())) == (
        "from_addr, to_addrs, smtp_server, reply_to=null, cc_addrs=null, bcc_addrs=null, "
        "smtp_password=null, subject=null, body=null, html_body=null"
    )


def test_a_text_goes_to_everybody_and_hidden_ones_are_not_named(
    server: str, postbox: Postbox
) -> None:
    outcome = send(
        server,
        to_addrs=["bob@example.org", "Carl C. <carl@example.org>"],
        cc_addrs=["dora@example.org"],
        bcc_addrs=["emil@example.org"],
        reply_to=["desk@example.org", "office@example.org"],
        subject="Grüße",
        body="Schöne Grüße\nAnn",
    )
    assert outcome == Outcome(is_success=True, result=None)
    ((envelope, message, _),) = postbox.taken
    assert envelope.mail_from == "ann@example.org"
    assert envelope.rcpt_tos == [f"{name}@example.org" for name in ("bob", "carl", "dora", "emil")]
    assert message["To"] == "bob@example.org, Carl C. <carl@example.org>".replace(
        "Carl C.", '"Carl C."'
    )
    assert (message["Cc"], message["Bcc"]) == ("dora@example.org", None)
    assert (message["Subject"], message["From"]) == ("Grüße", "ann@example.org")
    assert message["Reply-To"] == "desk@example.org, office@example.org"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().split() == ["Schöne", "Grüße", "Ann"]


def test_html_comes_beside_the_text(server: str, postbox: Postbox) -> None:
    assert send(server, body="plain", html_body="<b>bold</b>").is_success
    ((_, message, _),) = postbox.taken
    assert message.get_content_type() == "multipart/alternative"
    parts = [(part.get_content_type(), part.get_content().strip()) for part in message.iter_parts()]
    assert parts == [("text/plain", "plain"), ("text/html", "<b>bold</b>")]


def test_without_subject_and_body_it_says_so(server: str, postbox: Postbox) -> None:
    assert send(server, to_addrs="bob@example.org").is_success
    ((_, message, _),) = postbox.taken
    assert message["Subject"] == "<No subject>"
    assert message.get_content().strip() == "<No body>"


def test_a_dot_at_the_beginning_of_a_line_ends_nothing(server: str, postbox: Postbox) -> None:
    body = "one\n.\nQUIT\n..two"
    assert send(server, body=body).is_success
    ((_, message, _),) = postbox.taken
    assert message.get_content().split() == ["one", ".", "QUIT", "..two"]


# --- login over TLS


@pytest.fixture
def tls_server(postbox: Postbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    trusted, context = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    login = {"authenticator": let_in, "auth_required": True, "auth_require_tls": True}
    with mail_server(postbox, tls_context=context, require_starttls=True, **login) as address:
        yield address


def test_a_password_logs_in_over_tls(tls_server: str, postbox: Postbox) -> None:
    outcome = send(tls_server, from_addr="Ann <ann@example.org>", smtp_password="opensesame")
    assert outcome == Outcome(is_success=True, result=None)
    assert [is_secure for _, _, is_secure in postbox.taken] == [True]


def test_a_wrong_password_is_an_error_that_does_not_name_it(tls_server: str) -> None:
    assert error(tls_server, smtp_password="guessed") == (
        "Failed to send an email message: the server refused the login (code 535)"
    )


def test_no_password_goes_to_a_server_whose_certificate_is_not_valid(
    tls_server: str, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate is not valid" in error(tls_server, smtp_password="opensesame")
    assert postbox.taken == []


def test_no_password_goes_to_a_server_under_another_name(tls_server: str) -> None:
    other = tls_server.replace("localhost", "127.0.0.1")
    assert "certificate is not valid" in error(other, smtp_password="opensesame")


def test_no_password_goes_over_a_plain_connection(server: str, postbox: Postbox) -> None:
    assert "does not offer TLS" in error(server, smtp_password="opensesame")
    assert postbox.taken == []


# --- what goes wrong


def test_addresses_that_are_all_refused_are_an_error(server: str) -> None:
    assert error(server, to_addrs=["a@nowhere.org", "b@nowhere.org"]) == (
        "Failed to send an email message: the server refused all addresses"
    )


def test_a_server_that_is_not_there_is_an_error() -> None:
    assert "cannot be reached" in error(f"localhost:{free_port()}")


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "hello\r\nBcc: eve@example.org"},
        {"from_addr": "ann@example.org\r\nX-Evil: 1"},
        {"to_addrs": ["bob@example.org>\r\nRCPT TO:<eve@example.org"]},
        {"reply_to": ["a@example.org\nBcc: eve@example.org"]},
        {"bcc_addrs": ["x@example.org\r\nDATA"]},
    ],
)
def test_no_line_can_be_smuggled_in(server: str, postbox: Postbox, given: dict[str, Any]) -> None:
    assert not send(server, **given).is_success
    assert postbox.taken == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"to_addrs": []}, "'to_addrs' must be addresses"),
        ({"to_addrs": {}}, "'to_addrs' must be a text or a list of texts"),
        ({"to_addrs": [5]}, "'to_addrs' must be a text or a list of texts"),
        ({"from_addr": ""}, "'from_addr' must be a text"),
        ({"body": {"a": 1}}, "'body' must be a text"),
        ({"to_addrs": [f"a{i}@example.org" for i in range(101)]}, "LEVANTE_EMAIL_MAX_RECIPIENTS"),
    ],
)
def test_a_wrong_input_is_a_clear_error(server: str, given: dict[str, Any], reason: str) -> None:
    assert reason in error(server, **given)


@pytest.mark.parametrize("written", ["host:port", "host:0", "host:70000", ":25"])
def test_a_server_is_a_host_with_or_without_port(written: str) -> None:
    assert "'smtp_server' must be written as host or host:port" in error(written)


# --- where it may go


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0", "127.1"])
def test_only_public_addresses_are_reached(settings: Any, host: str, server: str) -> None:
    settings.LEVANTE_EMAIL_ALLOWED_NETWORKS = []
    port = server.rpartition(":")[2]
    assert "LEVANTE_EMAIL_ALLOWED_NETWORKS" in error(f"{host}:{port}")


def test_hosts_and_ports_can_be_limited(settings: Any, server: str) -> None:
    settings.LEVANTE_EMAIL_ALLOWED_HOSTS = ["mail.example.org"]
    assert "LEVANTE_EMAIL_ALLOWED_HOSTS" in error(server)
    settings.LEVANTE_EMAIL_ALLOWED_HOSTS = []
    settings.LEVANTE_EMAIL_ALLOWED_PORTS = ["25"]
    assert "LEVANTE_EMAIL_ALLOWED_PORTS" in error(server)


# --- hostile servers


@contextmanager
def hostile_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                with accepted, suppress(OSError):
                    behave(accepted)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


def drips(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2")
        time.sleep(0.02)


def never_ends_its_greeting(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-" + b"x" * 500 + b"\r\n")


def one_endless_line(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 4096)


@pytest.mark.parametrize("behave", [says_nothing, drips])
def test_a_slow_server_is_left_in_time(settings: Any, behave: Any) -> None:
    settings.LEVANTE_EMAIL_SECONDS = 0.5
    with hostile_server(behave) as address:
        started = time.monotonic()
        assert "did not end within 0.5 seconds" in error(address)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("behave", [never_ends_its_greeting, one_endless_line])
def test_a_server_that_talks_without_end_is_left(behave: Any) -> None:
    with hostile_server(behave) as address:
        assert not send(address).is_success


def test_an_interrupted_action_ends_at_once(settings: Any) -> None:
    settings.LEVANTE_EMAIL_SECONDS = 60
    with hostile_server(says_nothing) as address:
        assert interrupted_after(0.5, lambda: send(address)) < 2.5


def test_it_is_off_by_default(settings: Any, server: str, postbox: Postbox) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = []
    assert "LEVANTE_ENABLED_ACTIONS=std.email" in error(server)
    assert postbox.taken == []
