"""Pages that are made from the code say what the code says."""

from __future__ import annotations

import ast

import pytest

from config import settings_page, states_page
from config.settings_page import Setting, list_sections
from tests.live import ROOT

SETTINGS = [one for section in list_sections() for one in section.settings]


@pytest.mark.parametrize("page", [settings_page, states_page], ids=["settings", "states"])
def test_a_page_is_as_new_as_the_code(page: object) -> None:
    path: object = page._PAGE  # type: ignore[attr-defined]
    name = page.__name__  # type: ignore[attr-defined]
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert text == page.render(), f"run: python -m {name}"  # type: ignore[attr-defined]


def test_there_are_settings() -> None:
    assert len(SETTINGS) > 60


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_a_setting_says_what_it_means(setting: Setting) -> None:
    assert setting.meaning, "a comment above it has to say what it means"


def test_a_list_that_holds_secrets_is_among_them() -> None:
    assert {"LEVANTE_NOTIFY", "LEVANTE_NOTIFY_FILE"} <= settings_page.variable_names()


@pytest.mark.parametrize("reads", ['env_hosts("LEVANTE_X")', "env_int(NAME, 5)"])
def test_what_the_page_cannot_tell_stops_it(reads: str) -> None:
    statement = ast.parse(f"X = {reads}").body[0]
    with pytest.raises(ValueError, match="cannot tell what this reads"):
        list(settings_page._variables(statement))


def test_each_variable_is_read_once() -> None:
    names = [one.name for one in SETTINGS]
    assert sorted(names) == sorted(set(names))


def test_states_have_a_meaning_each() -> None:
    lines = states_page.render().splitlines()
    rows = [line for line in lines if line.startswith("| ") and line.count("|") == 4]
    assert all(line.split("|")[2].strip() for line in rows)
    assert (ROOT / "docs" / "states.md").exists()
