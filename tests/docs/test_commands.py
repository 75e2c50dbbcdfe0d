"""Every command that a page shows is one that its program understands."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands

from tests.command_lines import check
from tests.live import ROOT

PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAMS: Final = r"(?:manage\.py|celery|gunicorn|python|make|pip|mistral|pg_dump|pg_restore)"
# In a sentence, or in a block by itself; a comment may follow there.
SPAN: Final = re.compile(rf"(?<!`)`({PROGRAMS} [^`\n]+(?:\n *[^`\n]+)?)`")
BLOCK: Final = re.compile(rf"^ {{4,}}({PROGRAMS} [^\n#]+)", re.M)


def commands(page: Path) -> list[str]:
    text = page.read_text()
    return [" ".join(one.split()) for one in SPAN.findall(text) + BLOCK.findall(text)]


SHOWN: Final = [(page, command) for page in PAGES for command in commands(page)]


def test_pages_show_commands() -> None:
    assert len(SHOWN) > 30


@pytest.mark.parametrize(
    ("page", "command"), SHOWN, ids=[f"{page.name}: {command}" for page, command in SHOWN]
)
def test_a_command_is_understood(page: Path, command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
        assert words[0] in targets
    elif program == "pip":
        for name in words[2:] if words[1] == "-r" else ():
            assert (ROOT / name).exists(), name
    elif program == "mistral":
        _check_client(words)
    elif program.startswith("pg_"):
        assert all(re.match(r"--[a-z-]+(=|$)|\S+\.dump$|\$DATABASE_URL$", one) for one in words)
    elif program == "python" and words[:1] == ["-m"] and words[1] not in ("celery", "gunicorn"):
        module = ROOT / f"{words[1].replace('.', '/')}.py"
        assert module.exists() or (module.with_suffix("") / "__main__.py").exists()
    elif program == "manage.py" and len(words) == 1:
        assert words[0] in get_commands()  # named, not shown
    else:
        check([program, *words])


def _check_client(words: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's libraries
        shell = import_module("mistralclient.shell").MistralShell()
        found, _, rest = shell.command_manager.find_command(words)
        # A file that is named need not be here.
        words = [os.devnull if one.endswith((".yaml", ".json")) else one for one in rest]
        found(shell, None).get_parser("mistral").parse_args(words)
