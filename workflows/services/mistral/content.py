"""What another Mistral holds, as its REST API shows it, and the file that keeps it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workflows.errors import SourceUnusable
from workflows.jsontypes import JSONObject, JSONValue

# In the order in which they are imported: what others name comes first.
KINDS: Final = (
    "actions",
    "workbooks",
    "workflows",
    "environments",
    "cron_triggers",
    "event_triggers",
)

_FORMAT: Final = "levante-mistral-dump"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class MistralContent:
    """The objects of one server by kind. `source` is its address without any credentials."""

    source: str
    objects: Mapping[str, Sequence[JSONObject]]

    def of(self, kind: str) -> Sequence[JSONObject]:
        return self.objects.get(kind, ())

    def only_of_project(self, project_id: str) -> MistralContent:
        """Leave out what belongs to other projects and is public."""
        wanted = project_id.replace("-", "")
        return MistralContent(
            self.source,
            {
                kind: [one for one in found if _owner(one) == wanted]
                for kind, found in self.objects.items()
            },
        )

    def write(self, file: Path) -> None:
        """Write the file; environments may hold secrets, so it is for the owner only."""
        text = json.dumps(
            {"format": _FORMAT, "version": _VERSION, "source": self.source, **self.objects},
            indent=1,
            ensure_ascii=False,
        )
        try:
            with suppress(FileNotFoundError):
                file.unlink()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as output:
                output.write(text)
        except OSError as error:
            raise SourceUnusable(f"{file} cannot be written: {error.strerror}") from error

    @classmethod
    def read(cls, file: Path) -> MistralContent:
        """Read a file that `write` has made."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise SourceUnusable(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SourceUnusable(f"{file} is not JSON") from error
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise SourceUnusable(f"{file} is no dump of this command")
        if data.get("version") != _VERSION:
            raise SourceUnusable(f"{file} is a dump of another version of this command")
        objects = {kind: list(_objects(file, kind, data.get(kind, []))) for kind in KINDS}
        return cls(str(data.get("source", "")), objects)


def text_of(one: JSONObject, name: str) -> str:
    """Give an attribute that is a text; empty if it is missing or null."""
    value = one.get(name)
    return value if isinstance(value, str) else ""


def mapping_of(one: JSONObject, name: str) -> JSONObject:
    """Give an attribute that is an object, which Mistral sends as text or as it is."""
    value: JSONValue = one.get(name)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SourceUnusable(f"its {name} is not JSON") from error
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise SourceUnusable(f"its {name} is not an object")
    return value


def _objects(file: Path, kind: str, found: JSONValue) -> Iterator[JSONObject]:
    if not isinstance(found, list):
        raise SourceUnusable(f"{file}: {kind} is not a list")
    for one in found:
        if not isinstance(one, dict):
            raise SourceUnusable(f"{file}: {kind} holds something that is no object")
        yield one


def _owner(one: JSONObject) -> str:
    return text_of(one, "project_id").replace("-", "")
