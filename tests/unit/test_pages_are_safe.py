"""Pages carry no code within them and name no other host, whatever a browser would let pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
STATIC: Final = ROOT / "workflows" / "static" / "levante"
TEMPLATES: Final = sorted((ROOT / "templates").rglob("*.html"))
OURS: Final = sorted(
    file
    for file in STATIC.rglob("*")
    if file.suffix in (".js", ".css", ".svg") and "vendor" not in file.parts
)
SCRIPT: Final = re.compile(r"<script\b[^>]*>", re.IGNORECASE)
HANDLER: Final = re.compile(r"<[^>{]*\son[a-z]+\s*=", re.IGNORECASE)
ADDRESS: Final = re.compile(r"(?:https?:)?//[\w-]+\.[\w.-]+")


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_there_is_something_to_look_at() -> None:
    assert len(TEMPLATES) > 20
    assert len(OURS) > 20


@pytest.mark.parametrize("file", TEMPLATES, ids=name_of)
def test_no_template_has_code_in_it(file: Path) -> None:
    text = file.read_text()
    for tag in SCRIPT.findall(text):
        assert " src=" in tag, tag
    assert not HANDLER.findall(text)
    assert "javascript:" not in text


@pytest.mark.parametrize("file", TEMPLATES, ids=name_of)
def test_no_template_switches_off_escaping(file: Path) -> None:
    text = file.read_text()
    assert "|safe" not in text
    assert "autoescape off" not in text


@pytest.mark.parametrize("file", [*TEMPLATES, *OURS], ids=name_of)
def test_nothing_names_another_host(file: Path) -> None:
    text = file.read_text().replace("http://www.w3.org/", "")
    assert not ADDRESS.findall(text)


@pytest.mark.parametrize("file", [one for one in OURS if one.suffix == ".js"], ids=name_of)
def test_no_script_makes_code_of_text(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"\beval\(|new Function\(|document\.write\(", text)
