"""Settings from the environment: right values are read, wrong ones stop the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.readers import (
    database_from_url,
    env_bool,
    env_int,
    env_list,
    env_mapping,
    env_seconds,
    env_secret,
    env_text,
    refuse_another_path,
    refuse_open_doors,
)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("On", True), ("no", False), ("0", False)]
)
def test_a_switch_is_read(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("LEVANTE_X", text)
    assert env_bool("LEVANTE_X", default=not value) is value


@pytest.mark.parametrize("text", ["maybe", "", "2"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LEVANTE_X", text)
    with pytest.raises(ImproperlyConfigured, match="LEVANTE_X must be true or false"):
        env_bool("LEVANTE_X", default=True)


@pytest.mark.parametrize("text", ["ten", "1.5", "", "-1"])
def test_a_number_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LEVANTE_X", text)
    with pytest.raises(ImproperlyConfigured, match="LEVANTE_X must be"):
        env_int("LEVANTE_X", 5)


def test_defaults_hold_without_a_variable() -> None:
    assert env_int("LEVANTE_NOT_SET", 5) == 5
    assert env_seconds("LEVANTE_NOT_SET", 0.5) == 0.5
    assert env_bool("LEVANTE_NOT_SET", default=True) is True
    assert env_list("LEVANTE_NOT_SET", ["a", "b"]) == ["a", "b"]
    assert env_secret("LEVANTE_NOT_SET") == ""


@pytest.mark.parametrize("text", ["nan", "-0.1"])
def test_seconds_have_to_be_a_number_from_zero_on(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LEVANTE_X", text)
    with pytest.raises(ImproperlyConfigured, match="LEVANTE_X must be at least 0"):
        env_seconds("LEVANTE_X", 1)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    monkeypatch.setenv("LEVANTE_X_FILE", str(tmp_path / "secret"))
    assert env_secret("LEVANTE_X") == "open sesame"
    monkeypatch.setenv("LEVANTE_X_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ImproperlyConfigured, match="LEVANTE_X_FILE cannot be read"):
        env_secret("LEVANTE_X")


def test_the_public_address_and_the_path_of_the_proxy_agree() -> None:
    refuse_another_path("", "flows")
    refuse_another_path("https://levante.example.org", "")
    refuse_another_path("https://levante.example.org/flows", "flows")
    with pytest.raises(ImproperlyConfigured, match="must end with the path prefix, /flows"):
        refuse_another_path("https://levante.example.org", "flows")


def test_a_value_is_taken_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVANTE_Y", "of another variable")
    monkeypatch.setenv("LEVANTE_X", "$LEVANTE_Y")
    assert env_text("LEVANTE_X", "") == "$LEVANTE_Y"
    assert env_secret("LEVANTE_X") == "$LEVANTE_Y"
    assert env_text("LEVANTE_NOT_SET", "$LEVANTE_Y") == "$LEVANTE_Y"
    assert database_from_url("postgres://me:$LEVANTE_Y@db/x")["PASSWORD"] == "$LEVANTE_Y"


def test_a_database_may_listen_on_a_socket_or_on_the_network() -> None:
    socket = database_from_url("postgresql://me:pa@/levante?host=%2Ftmp%2FUpper+case&port=5432")
    assert (socket["HOST"], socket["PORT"]) == ("/tmp/Upper case", "5432")
    assert (socket["USER"], socket["PASSWORD"], socket["NAME"]) == ("me", "pa", "levante")
    network = database_from_url("postgres://me:p%40@db.example.org:6000/x?sslmode=require")
    assert (network["HOST"], network["PORT"]) == ("db.example.org", 6000)
    assert network["PASSWORD"] == "p@"
    assert network["OPTIONS"] == {"sslmode": "require"}


def test_a_database_that_is_not_postgresql_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="must name a PostgreSQL database"):
        database_from_url("sqlite:////tmp/x.db")


@pytest.mark.parametrize(
    "given",
    [
        {"hosts": ["*"]},
        {"hosts": ["localhost", "*"]},
        {"origins": ["*"]},
        {"debug": True, "hosts": ["localhost", "levante.example.org"]},
    ],
)
def test_doors_that_stand_open_stop_the_start(given: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured):
        refuse_open_doors(**({"debug": False, "hosts": ["localhost"], "origins": []} | given))


def test_debug_on_this_machine_and_named_hosts_are_fine() -> None:
    refuse_open_doors(debug=True, hosts=["localhost", "127.0.0.1", "[::1]"], origins=[])
    refuse_open_doors(debug=False, hosts=["a.example.org"], origins=["https://b.example.org"])


def test_pairs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVANTE_X", "a:b=x, c=y")
    assert env_mapping("LEVANTE_X", {"d": "x"}, values=("x", "y")) == {"a:b": "x", "c": "y"}
    monkeypatch.delenv("LEVANTE_X")
    assert env_mapping("LEVANTE_X", {"d": "x"}, values=("x", "y")) == {"d": "x"}


@pytest.mark.parametrize("text", ["a", "a=", "=x", "a=z"])
def test_pairs_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LEVANTE_X", text)
    with pytest.raises(ImproperlyConfigured, match="LEVANTE_X"):
        env_mapping("LEVANTE_X", {}, values=("x", "y"))
