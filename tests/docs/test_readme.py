"""The first workflow of the README, with the commands that stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.live import ROOT, LiveStack

TEXT: Final = (ROOT / "README.md").read_text()
COMMANDS: Final = re.compile(r"^    (export OS_MISTRAL_URL=\S+|mistral .+)$", re.MULTILINE)
SECONDS: Final = 60.0


def test_the_first_workflow_gives_what_is_written(live: LiveStack, tmp_path: Path) -> None:
    (workflow,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (output,) = re.findall(r"^The output is `(.*)`", TEXT, re.MULTILINE)
    (tmp_path / "greeting.yaml").write_text(workflow)
    address, create, start, show, get = COMMANDS.findall(TEXT)
    assert address == "export OS_MISTRAL_URL=http://127.0.0.1:8000/v2"
    url = live.url
    shell(create, url, tmp_path)
    shell(start, url, tmp_path)
    identifier = shell(f"{show} -f value -c ID", url, tmp_path).split()[-1]
    deadline = time.monotonic() + SECONDS
    while "SUCCESS" not in shell(f"mistral execution-get {identifier}", url, tmp_path):
        assert time.monotonic() < deadline
    found = shell(get.replace("ID", identifier), url, tmp_path)
    assert "".join(found.split()) == "".join(output.split())


def shell(command: str, url: str, folder: Path) -> str:
    """Run a line as a person does who has the client."""
    environment = {key: value for key, value in os.environ.items() if "OS_" not in key}
    environment |= {
        "OS_MISTRAL_URL": url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
