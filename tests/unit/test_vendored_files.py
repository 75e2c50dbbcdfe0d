"""The committed JavaScript libraries are the ones that were built, and nobody's machine shows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (
    ROOT / "workflows" / "static" / "levante" / "vendor",
    ROOT / "tests" / "browser" / "assets",
)
LIBRARIES: Final = ("@dagrejs/dagre", "uplot", "codemirror", "@codemirror/merge")


def read_sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_file_has_the_hash_that_was_noted_when_it_was_built(folder: Path) -> None:
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "SHA256SUMS"
    }
    assert found == read_sums(folder)
    assert found


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_library_comes_with_its_licence_in_the_version_that_is_pinned(name: str) -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text())
    texts = (FOLDERS[0] / "LICENSES.txt").read_text()
    assert f"{name} {package['devDependencies'][name]} (MIT)" in texts


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "frontend" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock


def test_no_library_reaches_for_another_host() -> None:
    for file in FOLDERS[0].glob("*.js"):
        text = file.read_text().replace("http://www.w3.org/", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
