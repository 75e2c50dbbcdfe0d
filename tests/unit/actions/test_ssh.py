"""The actions std.ssh and std.ssh_proxied against real SSH servers on loopback."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.unit.actions.interrupting import interrupted_after
from tests.unit.actions.ssh_server import Servers, ssh_server
from workflows.actions.base import Action, ActionContext, Outcome, parameters, perform_action
from workflows.actions.registry import summarize_input
from workflows.actions.std.ssh import SSHAction, SSHProxiedAction

PROJECT = "11111111-1111-1111-1111-111111111111"
KEY = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def server() -> Iterator[Servers]:
    with ssh_server(KEY) as server:
        yield server


@pytest.fixture(scope="module")
def gateway() -> Iterator[Servers]:
    with ssh_server(KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def _switched_on(settings: Any, tmp_path: Path, server: Servers, gateway: Servers) -> None:
    known_hosts, keys = tmp_path / "known_hosts", tmp_path / "keys"
    known_hosts.write_text(f"{server.known_host}\n{gateway.known_host}\n")
    keys.mkdir()
    (keys / "deploy").write_bytes(KEY.export_private_key())
    server.commands.clear()
    settings.LEVANTE_ENABLED_ACTIONS = ["std.ssh*"]
    settings.LEVANTE_SSH_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    settings.LEVANTE_SSH_KNOWN_HOSTS = str(known_hosts)
    settings.LEVANTE_SSH_KEY_DIRECTORY = str(keys)
    settings.LEVANTE_SSH_CONNECT_SECONDS = 10


def perform(action: Action, **input: Any) -> Outcome:
    return perform_action(action, ActionContext(project_id=PROJECT), input)


def run(host: Any, cmd: str = "echo hi", **given: Any) -> Outcome:
    login = {"username": "ann", "private_key_filename": "deploy"}
    return perform(SSHAction(), cmd=cmd, host=host, **{**login, **given})


def result(host: Any, cmd: str = "echo hi", **given: Any) -> Any:
    outcome = run(host, cmd, **given)
    assert outcome.is_success, outcome.result
    return outcome.result


def error(host: Any, cmd: str = "echo hi", **given: Any) -> str:
    outcome = run(host, cmd, **given)
    assert not outcome.is_success, outcome.result
    return str(outcome.result)


def test_their_parameters_are_those_of_mistral() -> None:
    assert summarize_input(parameters(SSHAction())) == (
        'cmd, host, username, password="", private_key_filename=null, private_key=null, '
        "return_result_on_error=false"
    )
    assert summarize_input(parameters(SSHProxiedAction())) == (
        "cmd, host, username, private_key_filename, gateway_host, gateway_username=null, "
        "password=null, proxy_command=null, private_key=null"
    )


# --- results


def test_the_result_is_what_the_command_writes(server: Servers) -> None:
    assert result(server.address, "echo Grüße") == "Grüße\n"


def test_several_hosts_give_a_list_and_one_in_a_list_does_not(server: Servers) -> None:
    assert result([server.address] * 2) == ["hi\n", "hi\n"]
    assert result([server.address]) == "hi\n"


def test_a_whole_result_has_both_outputs_and_the_exit_code(server: Servers) -> None:
    whole = {"stdout": "some output", "stderr": "some trouble", "exit_code": 3}
    assert result(server.address, "exit 3", return_result_on_error=True) == whole
    assert result([server.address] * 2, "exit 3", return_result_on_error=True) == [whole] * 2


def test_a_command_that_fails_is_an_error(server: Servers) -> None:
    assert error([server.address] * 2, "exit 3") == (
        "Failed to execute ssh cmd 'exit 3' on ['localhost', 'localhost']: "
        "the exit code on localhost is 3"
    )
    assert server.commands == ["exit 3"]  # the first one ends it


def test_a_command_that_a_signal_ends_is_an_error(server: Servers) -> None:
    assert "the exit code on localhost is -1" in error(server.address, "signal")


def test_both_outputs_are_read_at_the_same_time(server: Servers, settings: Any) -> None:
    settings.LEVANTE_SSH_MAX_BYTES = 5_000_000
    whole = result(server.address, "both", return_result_on_error=True)
    assert (len(whole["stdout"]), len(whole["stderr"])) == (500, 3_000_000)


def test_output_that_is_no_text_does_no_harm(server: Servers) -> None:
    assert result(server.address, "binary") == "\ufffd\ufffd"


# --- logins


def test_a_password_logs_in(server: Servers) -> None:
    assert result(server.address, password="opensesame", private_key_filename=None) == "hi\n"


def test_a_wrong_login_is_an_error_that_names_no_secret(server: Servers) -> None:
    text = error(server.address, password="guessed", private_key_filename=None)
    assert "the host refused the login" in text
    assert "guessed" not in text


def test_a_key_may_be_given_as_text(server: Servers) -> None:
    key = KEY.export_private_key().decode()
    assert result(server.address, private_key=key, private_key_filename=None) == "hi\n"


def test_the_password_opens_a_key(server: Servers) -> None:
    key = KEY.export_private_key(passphrase="opensesame").decode()
    given = {"private_key": key, "private_key_filename": None}
    assert result(server.address, password="opensesame", **given) == "hi\n"
    assert "cannot be opened" in error(server.address, password="guessed", **given)


def test_a_text_that_is_no_key_is_an_error_that_does_not_show_it(server: Servers) -> None:
    text = error(server.address, private_key="-----BEGIN SECRET", private_key_filename=None)
    assert "the private key cannot be read" in text
    assert "SECRET" not in text


def test_keys_of_a_user_and_an_agent_are_not_used(
    server: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(KEY.export_private_key())
    (home / ".ssh" / "config").write_text(f"Host *\n  IdentityFile {home}/.ssh/id_ed25519\n")
    monkeypatch.setenv("HOME", str(home))
    assert "refused the login" in error(server.address, private_key_filename=None)


def test_no_command_and_no_user_is_logged(
    server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    result(server.address, "echo hidden", password="opensesame")
    error(server.address, "exit 3")
    for word in ("hidden", "opensesame", "exit 3", "ann"):
        assert word not in caplog.text


# --- keys by name


def test_a_project_has_keys_of_its_own(server: Servers, settings: Any) -> None:
    own = Path(settings.LEVANTE_SSH_KEY_DIRECTORY) / PROJECT
    own.mkdir()
    (own / "mine").write_bytes(KEY.export_private_key())
    assert result(server.address, private_key_filename="mine") == "hi\n"


def test_the_keys_of_another_project_are_not_found(server: Servers, settings: Any) -> None:
    other = Path(settings.LEVANTE_SSH_KEY_DIRECTORY) / "22222222-2222-2222-2222-222222222222"
    other.mkdir()
    (other / "theirs").write_bytes(KEY.export_private_key())
    for name in ("theirs", f"{other.name}/theirs"):
        assert "no private key of this name" in error(server.address, private_key_filename=name)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../secret", "a/../../secret", "..", ".", ".hidden", "link", "folder",
        "a\0b", "a\nb", "~root", "no-such-key", "C:\\keys",
    ],
)  # fmt: skip
def test_a_name_leads_to_no_other_file(server: Servers, settings: Any, name: str) -> None:
    """And the answer does not tell what there is."""
    folder = Path(settings.LEVANTE_SSH_KEY_DIRECTORY)
    (folder.parent / "secret").write_bytes(KEY.export_private_key())
    (folder / ".hidden").write_bytes(KEY.export_private_key())
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "folder").mkdir()
    assert error(server.address, private_key_filename=name) == (
        "There is no private key of this name (LEVANTE_SSH_KEY_DIRECTORY)."
    )
    assert server.commands == []


def test_without_a_folder_no_key_has_a_name(server: Servers, settings: Any) -> None:
    settings.LEVANTE_SSH_KEY_DIRECTORY = ""
    assert "no folder of private keys" in error(server.address)


# --- who is at the other end


def test_a_host_whose_key_is_not_known_is_not_entered(server: Servers, settings: Any) -> None:
    for known in ("", str(Path(settings.LEVANTE_SSH_KNOWN_HOSTS).with_name("none"))):
        if known:
            Path(known).write_text("")
        settings.LEVANTE_SSH_KNOWN_HOSTS = known
        assert "the key of the host is not known" in error(server.address)
    assert server.commands == []


def test_a_host_with_another_key_is_not_entered(
    server: Servers, gateway: Servers, settings: Any
) -> None:
    text = f"[localhost]:{server.port} {gateway.host_key}\n"
    Path(settings.LEVANTE_SSH_KNOWN_HOSTS).write_text(text)
    assert "the key of the host is not known" in error(server.address)
    assert server.commands == []


def test_the_operator_may_switch_the_check_off(server: Servers, settings: Any) -> None:
    settings.LEVANTE_SSH_KNOWN_HOSTS = ""
    settings.LEVANTE_SSH_CHECK_HOSTS = False
    assert result(server.address) == "hi\n"


# --- where it may go


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0", "127.1", "2130706433"])
def test_only_public_addresses_are_reached(server: Servers, settings: Any, host: str) -> None:
    settings.LEVANTE_SSH_ALLOWED_NETWORKS = []
    settings.LEVANTE_HTTP_ALLOWED_NETWORKS = ["127.0.0.0/8"]  # those are for HTTP alone
    assert "LEVANTE_SSH_ALLOWED_NETWORKS" in error(f"{host}:{server.port}")


def test_hosts_and_ports_can_be_limited(server: Servers, settings: Any) -> None:
    settings.LEVANTE_SSH_ALLOWED_HOSTS = ["*.example.org"]
    assert "LEVANTE_SSH_ALLOWED_HOSTS" in error(server.address)
    settings.LEVANTE_SSH_ALLOWED_HOSTS = []
    settings.LEVANTE_SSH_ALLOWED_PORTS = ["22"]
    assert "LEVANTE_SSH_ALLOWED_PORTS" in error(server.address)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"host": []}, "'host' must be a text or a list of texts"),
        ({"host": 5}, "'host' must be a text or a list of texts"),
        ({"host": ["a", None]}, "'host' must be a text or a list of texts"),
        ({"host": "a:b"}, "'host' must be written as host or host:port"),
        ({"host": ["a"] * 101}, "LEVANTE_SSH_MAX_HOSTS"),
        ({"host": "no-such-host.invalid"}, "the host's name cannot be resolved"),
        ({"username": ""}, "'username' must be a text"),
        ({"cmd": ""}, "'cmd' must be a text"),
        ({"password": 5}, "'password' must be a text"),
    ],
)
def test_a_wrong_input_is_a_clear_error(
    server: Servers, given: dict[str, Any], reason: str
) -> None:
    input = {"host": server.address, **given}
    assert reason in error(input.pop("host"), **input)


def test_a_host_that_is_not_there_is_an_error() -> None:
    assert "cannot be reached" in error("localhost:1")


# --- limits


def test_output_has_a_limit(server: Servers) -> None:
    assert "more than 1000000 bytes (LEVANTE_SSH_MAX_BYTES)" in error(server.address, "endless")


def test_a_command_has_a_time(server: Servers, settings: Any) -> None:
    settings.LEVANTE_SSH_SECONDS = 1.0
    started = time.monotonic()
    assert "did not end within 1 seconds (LEVANTE_SSH_SECONDS)" in error(server.address, "sleep")
    assert time.monotonic() - started < 4


def wait_until_left(server: Servers) -> None:
    deadline = time.monotonic() + 5
    while server.open_connections:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_interrupted_action_ends_at_once_and_leaves_the_host(server: Servers) -> None:
    assert interrupted_after(1.0, lambda: run(server.address, "sleep")) < 2.5
    wait_until_left(server)


@contextmanager
def silent_server(greeting: bytes) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                taken.append(accepted)
                accepted.sendall(greeting)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for one in taken:
            one.close()


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-x\r\n"])
def test_a_host_that_says_nothing_is_left(settings: Any, greeting: bytes) -> None:
    settings.LEVANTE_SSH_CONNECT_SECONDS = 0.5
    with silent_server(greeting) as address:
        started = time.monotonic()
        assert "did not let us in in time" in error(address)
        assert time.monotonic() - started < 4


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1_000_000])
def test_what_is_no_ssh_server_is_left(greeting: bytes) -> None:
    with silent_server(greeting) as address:
        assert not run(address).is_success


# --- through a gateway


def proxied(server: Servers, gateway: Servers, **given: Any) -> Outcome:
    input = {
        "cmd": "echo hi",
        "host": server.address,
        "username": "ann",
        "private_key_filename": "deploy",
        "gateway_host": gateway.address,
        **given,
    }
    return perform(SSHProxiedAction(), **input)


def test_a_gateway_leads_to_the_host(server: Servers, gateway: Servers) -> None:
    gateway.forwarded.clear()
    gateway.commands.clear()
    outcome = proxied(server, gateway, gateway_username="gate")
    assert outcome == Outcome(is_success=True, result="hi\n")
    assert gateway.forwarded == [("localhost", server.port)]
    assert gateway.commands == []
    outcome = proxied(server, gateway, host=[server.address] * 2)
    assert outcome == Outcome(is_success=True, result=["hi\n", "hi\n"])


def test_the_host_behind_a_gateway_is_checked_as_well(
    server: Servers, gateway: Servers, settings: Any
) -> None:
    Path(settings.LEVANTE_SSH_KNOWN_HOSTS).write_text(f"{gateway.known_host}\n")
    assert "the key of the host is not known" in str(proxied(server, gateway).result)
    settings.LEVANTE_SSH_ALLOWED_PORTS = [str(gateway.port)]
    assert "LEVANTE_SSH_ALLOWED_PORTS" in str(proxied(server, gateway).result)


def test_the_gateway_itself_must_be_allowed(
    server: Servers, gateway: Servers, settings: Any
) -> None:
    settings.LEVANTE_SSH_ALLOWED_NETWORKS = []
    assert "LEVANTE_SSH_ALLOWED_NETWORKS" in str(proxied(server, gateway).result)


def test_no_command_of_a_workflow_runs_on_our_machine(
    server: Servers, gateway: Servers, tmp_path: Path
) -> None:
    outcome = proxied(server, gateway, proxy_command=f"touch {tmp_path}/proof")
    assert outcome.result == "A workflow cannot give a command: leave out 'proxy_command'."
    for host in ("-oProxyCommand=touch", f"`touch {tmp_path}/proof`", "$(touch /tmp/x)"):
        assert not run(host).is_success
    assert not (tmp_path / "proof").exists()


def test_a_command_through_a_gateway_that_is_interrupted_ends_at_once(
    server: Servers, gateway: Servers
) -> None:
    assert interrupted_after(1.0, lambda: proxied(server, gateway, cmd="sleep")) < 2.5
    wait_until_left(server)
    wait_until_left(gateway)


def test_they_are_off_by_default(server: Servers, gateway: Servers, settings: Any) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = []
    assert "LEVANTE_ENABLED_ACTIONS=std.ssh" in error(server.address)
    assert "=std.ssh_proxied" in str(proxied(server, gateway).result)
