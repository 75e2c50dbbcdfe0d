"""What root becomes in order to run PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.embedded.privileges import find_server_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


def test_programs_and_files_in_a_folder_of_root_alone_are_found(tmp_path: Path) -> None:
    """PostgreSQL asks access(2) for its programs: a clone may lie in /root, which is closed."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.write_text("")
    program.chmod(0o700)
    user = find_server_user()
    asked = f"import os; print(os.geteuid(), os.access({str(program)!r}, os.R_OK | os.X_OK))"
    done = subprocess.run(
        [*user.launcher(), sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(user.uid), "True"]


def test_no_other_right_of_root_is_kept() -> None:
    status = [*find_server_user().launcher(), "/bin/cat", "/proc/self/status"]
    done = subprocess.run(status, capture_output=True, text=True, check=True)
    kept = {
        name: int(value, 16)
        for name, _, value in (line.partition(":") for line in done.stdout.splitlines())
        if name in ("CapPrm", "CapEff", "CapInh", "CapAmb")
    }
    assert set(kept.values()) == {1 << 1}, kept  # CAP_DAC_OVERRIDE


def test_a_folder_that_was_copied_is_given_to_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "1").write_text("")
    (folder / "link").symlink_to("/nonexistent")
    user = find_server_user()
    user.own_all(folder)
    found = {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}
    assert found == {user.uid}
