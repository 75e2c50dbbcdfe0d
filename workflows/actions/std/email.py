"""The action that sends mail."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import getaddresses, parseaddr
from typing import IO, Final

from django.conf import settings

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.actions.beside import TimeIsUp, run_beside
from workflows.actions.egress import EgressRefused, EgressRules
from workflows.actions.std.inputs import host_and_port, optional_text, text, texts
from workflows.jsontypes import JSONValue

_TLS_PORT: Final = 465  # TLS from the first byte on
_MOST_REPLY_BYTES: Final = 100_000  # of all replies of one connection


class EmailAction(Action):
    """Sends a message as text, as HTML, or as both.

    `smtp_server` is a host, or host:port. With `smtp_password` the connection must become a TLS
    one whose certificate is valid, and `from_addr` logs in. The addresses are a text or a list.
    The result is null. Off until the operator switches it on.
    """

    name = "std.email"
    is_guarded = True

    def run(
        self,
        context: ActionContext,
        from_addr: JSONValue,
        to_addrs: JSONValue,
        smtp_server: JSONValue,
        reply_to: JSONValue = None,
        cc_addrs: JSONValue = None,
        bcc_addrs: JSONValue = None,
        smtp_password: JSONValue = None,
        subject: JSONValue = None,
        body: JSONValue = None,
        html_body: JSONValue = None,
    ) -> None:
        sender = text("from_addr", from_addr)
        to, cc = texts("to_addrs", to_addrs), texts("cc_addrs", cc_addrs)
        message = _message(
            {
                "Subject": optional_text("subject", subject) or "<No subject>",
                "From": sender,
                "Reply-To": ", ".join(texts("reply_to", reply_to)),
                "To": ", ".join(to),
                "Cc": ", ".join(cc),
            },
            optional_text("body", body) or "<No body>",
            optional_text("html_body", html_body),
        )
        recipients = _recipients([*to, *cc, *texts("bcc_addrs", bcc_addrs)])
        host, port = host_and_port("smtp_server", text("smtp_server", smtp_server), 25)
        password = None if smtp_password is None else text("smtp_password", smtp_password)
        session = _Session(host, port)
        try:
            run_beside(
                lambda: session.send(message, sender, recipients, password),
                break_off=session.break_off,
                seconds=settings.LEVANTE_EMAIL_SECONDS,
            )
        except (TimeIsUp, EgressRefused, smtplib.SMTPException, OSError, ValueError) as error:
            reason = _reason(error)
            raise ActionFailed(f"Failed to send an email message: {reason}") from error


class _CountedReplies:
    """The replies of a server, which must come to an end."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._left = _MOST_REPLY_BYTES

    def readline(self, most: int) -> bytes:
        line = self._source.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise smtplib.SMTPServerDisconnected("the server does not stop talking")
        return line

    def close(self) -> None:
        self._source.close()


class _Client(smtplib.SMTP):
    """Connects to addresses that were checked, and reads a limited amount."""

    def __init__(self, session: _Session) -> None:
        self._session = session
        name = socket.gethostname()
        # Longer than the whole may take, so that the end of its time is always told as that.
        super().__init__(local_hostname=name, timeout=2 * settings.LEVANTE_EMAIL_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        opened = self._session.connect(host, port, timeout)
        if port == _TLS_PORT:
            return ssl.create_default_context().wrap_socket(opened, server_hostname=host)
        return opened

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            assert self.sock is not None
            self.file = _CountedReplies(self.sock.makefile("rb"))
        return super().getreply()


class _Session:
    """One message on its way; it can be broken off by another thread."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._opened: socket.socket | None = None
        self._is_broken_off = False

    def send(
        self, message: EmailMessage, sender: str, recipients: list[str], password: str | None
    ) -> None:
        client = _Client(self)
        # Not by the constructor: the name is needed for the check of the certificate.
        client._host = self._host  # type: ignore[attr-defined]
        try:
            client.connect(self._host, self._port)
            client.ehlo_or_helo_if_needed()
            if password is not None:
                if self._port != _TLS_PORT:
                    client.starttls(context=ssl.create_default_context())
                    client.ehlo()
                client.login(parseaddr(sender)[1], password)
            client.send_message(message, parseaddr(sender)[1], recipients)
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
        finally:
            client.close()
            self._close()

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        opened = EgressRules.from_settings("LEVANTE_EMAIL").connect(host, port, seconds)
        self._opened = opened.dup()  # TLS takes the other one away
        if self._is_broken_off:
            self.break_off()
        return opened

    def break_off(self) -> None:
        self._is_broken_off = True
        if self._opened is not None:
            with suppress(OSError):
                self._opened.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def _message(headers: dict[str, str], body: str, html_body: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    try:
        for name, value in headers.items():
            if value:
                message[name] = value
    except Exception as error:  # the library raises many kinds for what is no header
        raise ActionFailed("A header or an address of the message is not valid.") from error
    message.set_content(body)
    if html_body:
        message.add_alternative(html_body, subtype="html")
    return message


def _recipients(written: list[str]) -> list[str]:
    found = [address for _, address in getaddresses(written)]
    if not found or not all(found) or not all(one.isprintable() for one in written):
        raise ActionFailed("'to_addrs' must be addresses.")
    if len(found) > settings.LEVANTE_EMAIL_MAX_RECIPIENTS:
        most = settings.LEVANTE_EMAIL_MAX_RECIPIENTS
        raise ActionFailed(f"There are more than {most} addresses (LEVANTE_EMAIL_MAX_RECIPIENTS).")
    return found


def _reason(error: Exception) -> str:
    """Say why it failed; nothing of what the server said but its number, for it may be hostile."""
    if isinstance(error, EgressRefused):
        return str(error)
    if isinstance(error, TimeIsUp | TimeoutError):
        limit = settings.LEVANTE_EMAIL_SECONDS
        return f"it did not end within {limit:g} seconds (LEVANTE_EMAIL_SECONDS)"
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            code = getattr(error, "smtp_code", None)
            return f"{reason} (code {code})" if isinstance(code, int) else reason
    return "the server cannot be reached or closed the connection"


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ssl.SSLError, "the server's certificate is not valid or TLS failed"),
    (socket.gaierror, "the server's name cannot be resolved"),
    (smtplib.SMTPAuthenticationError, "the server refused the login"),
    (smtplib.SMTPRecipientsRefused, "the server refused all addresses"),
    (smtplib.SMTPSenderRefused, "the server refused the sender"),
    (smtplib.SMTPNotSupportedError, "the server does not offer TLS, login or such addresses"),
    (smtplib.SMTPDataError, "the server refused the message"),
    (smtplib.SMTPServerDisconnected, "the server closed the connection or talks too much"),
    (smtplib.SMTPException, "the server answered with an error"),
    (ValueError, "an address or a name is not valid"),
)
