"""The actions that run a command on other machines."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from django.conf import settings

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.actions.beside import TimeIsUp, run_beside
from workflows.actions.ssh_keys import find_private_key
from workflows.actions.ssh_login import Answer, CommandFailed, Login, SSHRun
from workflows.actions.std.inputs import host_and_port, optional_text, text, texts
from workflows.jsontypes import JSONValue

if TYPE_CHECKING:
    from workflows.actions.shell import RemoteCommand

_PORT: Final = 22
_MOST_OF_COMMAND: Final = 200  # characters of it in an error


class SSHAction(Action):
    """Runs a command on one host, or on several one after the other.

    `host` is host, host:port, or a list of them. The login is by `password` or by a key: the text
    `private_key`, or `private_key_filename` from the folder of keys that the operator names; the
    password opens a key that has one. The result is what the command writes, or with
    `return_result_on_error` a map of stdout, stderr and exit_code, and a list of these for several
    hosts. A command that fails is an error unless that is set. Off until the operator switches it
    on.
    """

    name = "std.ssh"
    is_guarded = True

    def run(
        self,
        context: ActionContext,
        cmd: JSONValue,
        host: JSONValue,
        username: JSONValue,
        password: JSONValue = "",
        private_key_filename: JSONValue = None,
        private_key: JSONValue = None,
        return_result_on_error: JSONValue = False,
    ) -> JSONValue:
        login = _login(context, username, password, private_key_filename, private_key)
        hosts = _hosts(host)
        run = SSHRun(login)
        return _run(run, text("cmd", cmd), hosts, is_whole=bool(return_result_on_error))


class SSHProxiedAction(Action):
    """Runs a command on one host, or on several, through a gateway.

    Takes what `std.ssh` takes except `return_result_on_error`; the gateway is entered with the same
    login, under `gateway_username` if that is given. `proxy_command` must be left out: a workflow
    cannot start programs on the machine of the service. Off until the operator switches it on.
    """

    name = "std.ssh_proxied"
    is_guarded = True

    def run(
        self,
        context: ActionContext,
        cmd: JSONValue,
        host: JSONValue,
        username: JSONValue,
        private_key_filename: JSONValue,
        gateway_host: JSONValue,
        gateway_username: JSONValue = None,
        password: JSONValue = None,
        proxy_command: JSONValue = None,
        private_key: JSONValue = None,
    ) -> JSONValue:
        if proxy_command:
            raise ActionFailed("A workflow cannot give a command: leave out 'proxy_command'.")
        login = _login(context, username, password, private_key_filename, private_key)
        gateway = host_and_port("gateway_host", text("gateway_host", gateway_host), _PORT)
        gateway_user = optional_text("gateway_username", gateway_username) or login.username
        run = SSHRun(login, gateway=gateway, gateway_username=gateway_user)
        return _run(run, text("cmd", cmd), _hosts(host), is_whole=False)


def _login(
    context: ActionContext,
    username: JSONValue,
    password: JSONValue,
    file_name: JSONValue,
    private_key: JSONValue,
) -> Login:
    name = optional_text("private_key_filename", file_name)
    key = optional_text("private_key", private_key)
    if name and not key:
        key = find_private_key(name, context.project_id)
    return Login(text("username", username), optional_text("password", password), key)


def _hosts(written: JSONValue) -> list[tuple[str, int]]:
    found = [host_and_port("host", one, _PORT) for one in texts("host", written)]
    if not found:
        raise ActionFailed("'host' must be a text or a list of texts.")
    if len(found) > settings.LEVANTE_SSH_MAX_HOSTS:
        most = settings.LEVANTE_SSH_MAX_HOSTS
        raise ActionFailed(f"There are more than {most} hosts (LEVANTE_SSH_MAX_HOSTS).")
    return found


def _run(
    run: SSHRun, command: str, hosts: Sequence[tuple[str, int]], *, is_whole: bool
) -> JSONValue:
    """Run the command on one host after the other; the first that fails ends it."""
    limit = settings.LEVANTE_SSH_SECONDS
    shell = import_module("workflows.actions.shell")  # large, and most processes never need it
    remote: RemoteCommand = shell.RemoteCommand(run, command, hosts, must_succeed=not is_whole)
    try:
        answers = run_beside(remote.run, break_off=remote.break_off, seconds=limit)
    except TimeIsUp as error:
        reason = f"it did not end within {limit:g} seconds (LEVANTE_SSH_SECONDS)"
        raise _failure(command, hosts, reason) from error
    except CommandFailed as error:
        raise _failure(command, hosts, str(error)) from error
    results = [_result(answer, is_whole=is_whole) for answer in answers]
    # Mistral: a list of one host gives a single result, too.
    return results if len(results) > 1 else results[0]


def _result(answer: Answer, *, is_whole: bool) -> JSONValue:
    if not is_whole:
        return answer.stdout
    return {"stdout": answer.stdout, "stderr": answer.stderr, "exit_code": answer.exit_code}


def _failure(command: str, hosts: Sequence[tuple[str, int]], reason: str) -> ActionFailed:
    names = [host for host, _ in hosts]
    shown = command if len(command) <= _MOST_OF_COMMAND else f"{command[:_MOST_OF_COMMAND]}..."
    return ActionFailed(f"Failed to execute ssh cmd '{shown}' on {names}: {reason}")
