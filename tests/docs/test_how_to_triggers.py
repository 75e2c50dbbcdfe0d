"""The pages of docs/how-to whose commands can run anywhere, on the running service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.live import ROOT, LiveStack

PAGES: Final = ("cron-job", "react-to-an-alarm")
FENCE: Final = re.compile(r"^```(yaml|sh|json)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_give_what_is_written(page: str, live: LiveStack, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if "OS_" not in key} | {
        "OS_MISTRAL_URL": live.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    _load_examples(live)
    output, checks = "", 0
    for language, name, text in FENCE.findall(
        (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
    ):
        if language == "yaml":
            (tmp_path / name).write_text(text)
        elif language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            output = done.stdout
        else:
            _check(json.loads(text), _last_json(output))
            checks += 1
    assert checks >= 3


def _load_examples(live: LiveStack) -> None:
    """As `make run` does."""
    for file in ("evacuate_on_alarm.yaml",):
        command = [str(Path(sys.executable).parent / "mistral"), "--os-mistral-url", live.url]
        command += ["workflow-create", str(ROOT / "examples" / file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 or "Duplicate" in done.stderr, done.stderr


def _last_json(output: str) -> Any:
    """Give the JSON that the output ends with."""
    for start in (found.start() for found in re.finditer(r"^\{|\{", output, re.MULTILINE)):
        try:
            return json.loads(output[start:])
        except ValueError:
            continue
    raise AssertionError(f"no JSON in {output!r}")


def _check(written: Any, given: Any) -> None:
    """What is written is there; there may be more."""
    if isinstance(written, dict):
        for key, value in written.items():
            assert key in given, (key, given)
            _check(value, given[key])
    elif isinstance(written, list):
        assert len(written) == len(given)
        for left, right in zip(written, given, strict=True):
            _check(left, right)
    else:
        assert written == given
