"""Loads the text of a definition into plain JSON data, and remembers where each part stands.

The YAML is Mistral's: version 1.1 with the safe types only, and without anchors and aliases, so
that plain text may begin with `&`, `*` or `@`. The parser of definitions is the only caller.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from yaml.constructor import SafeConstructor
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.nodes import ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from workflows.errors import ParseError
from workflows.jsontypes import JSONValue
from workflows.language.specs import Position

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    CParser = None  # type: ignore[assignment,misc]

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a definition may cost, checked while reading and before anything is built from it.

    `size` counts characters, `depth` levels of nesting, `nodes` values and keys together, and
    `number` the characters of one number: a decimal number of more digits cannot be written back.
    """

    size: int = 1024 * 1024
    depth: int = 64
    nodes: int = 200_000
    number: int = 4_000


LIMITS: Final = Limits()

# Between tokens libyaml takes tabs, and in flow style question marks, where the parser of Mistral
# refuses them.
_DISPUTED: Final = re.compile(r"[\t?]")


def write_path(path: Path) -> str:
    """Write a path as problems show it, such as `tasks.t1.on-success[0]`."""
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}"
    return name.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Document:
    """The data of one text. Paths are tuples of keys and list indexes.

    Keys that were not text are text in `data` as JSON would write them (`true`, `5`, `null`);
    `odd_keys` has their paths. Dates are text as well; `dates` has their paths. Of a key that
    stands twice in one mapping the last value counts; `duplicates` has the path.
    """

    data: JSONValue
    marks: Mapping[Path, tuple[int, int]] = field(repr=False)
    value_marks: Mapping[Path, tuple[int, int]] = field(repr=False)
    odd_keys: frozenset[Path] = frozenset()
    dates: frozenset[Path] = frozenset()
    duplicates: tuple[Path, ...] = ()

    def position(self, path: Path) -> Position:
        """Return where the key or list item stands, or the nearest thing around it."""
        for length in range(len(path), -1, -1):
            mark = self.marks.get(path[:length])
            if mark is not None:
                return Position(mark[0] + 1, mark[1] + 1)
        return Position(1, 1)

    def value_position(self, path: Path) -> Position:
        """Return where the value behind a key begins; for list items the same as `position`."""
        mark = self.value_marks.get(path)
        return self.position(path) if mark is None else Position(mark[0] + 1, mark[1] + 1)


def load(text: str, limits: Limits = LIMITS) -> Document:
    """Read one YAML document; an empty text gives null. Raises ParseError."""
    if len(text) > limits.size:
        raise ParseError(f"the text is longer than {limits.size} characters")
    shield = _Shield(text)
    if CParser is not None and not _DISPUTED.search(text):
        try:
            return _Builder(CParser(shield.text), shield, limits).build()
        except (YAMLError, UnicodeError):
            pass  # The slower parser has the last word, and the better messages.
    try:
        return _Builder(_PythonParser(shield.text), shield, limits).build()
    except YAMLError as error:
        raise ParseError(shield.restore(_describe(error))) from error


class _Shield:
    """Replaces the characters that YAML reserves for anchors by ones that mean nothing to it.

    Each stands for one other character, so that lines and columns stay as they are.
    """

    def __init__(self, text: str) -> None:
        taken = set(text)
        reserved = [character for character in "&*@" if character in taken]
        # Private-use characters, which YAML takes for letters.
        free = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in taken)
        pairs = {ord(character): next(free) for character in reserved}
        self._back = {ord(stand_in): chr(code) for code, stand_in in pairs.items()}
        self.text = text.translate(pairs) if pairs else text

    def restore(self, text: str) -> str:
        return text.translate(self._back) if self._back else text


class _PythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser of events, without the stages behind it."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


class _EventSource(Protocol):
    def get_event(self) -> Event | None: ...


def _describe(error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError):
        return str(error).replace("\n", " ")
    mark = error.problem_mark or error.context_mark
    said = " ".join(part for part in (error.context, error.problem) if part)
    return f"{said}, line {mark.line + 1}, column {mark.column + 1}" if mark else said


def _start(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None
    return mark.line, mark.column


def _fail(message: str, event: Event) -> ParseError:
    line, column = _start(event)
    return ParseError(f"{message}, line {line + 1}, column {column + 1}")


class _Frame:
    """A mapping or list that is being filled. `key` is the key whose value comes next."""

    __slots__ = ("container", "key", "path")

    def __init__(self, container: dict[str, JSONValue] | list[JSONValue], path: Path) -> None:
        self.container = container
        self.path = path
        self.key: str | None = None


class _Builder:
    """Builds data from parser events with a stack of its own, so that depth costs no recursion."""

    def __init__(self, source: _EventSource, shield: _Shield, limits: Limits) -> None:
        self._source = source
        self._shield = shield
        self._limits = limits
        self._stack: list[_Frame] = []
        self._result: JSONValue = None
        self._nodes = 0
        self._marks: dict[Path, tuple[int, int]] = {}
        self._value_marks: dict[Path, tuple[int, int]] = {}
        self._odd_keys: set[Path] = set()
        self._dates: set[Path] = set()
        self._duplicates: list[Path] = []

    def build(self) -> Document:
        documents = 0
        for event in self._events():
            if type(event) is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise _fail(
                        "expected a single document in the stream but found another one",
                        event,
                    )
            elif isinstance(event, (ScalarEvent, CollectionStartEvent)):
                self._node(event)
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._stack.pop()
        return Document(
            self._result,
            self._marks,
            self._value_marks,
            frozenset(self._odd_keys),
            frozenset(self._dates),
            tuple(self._duplicates),
        )

    def _events(self) -> Iterator[Event]:
        get_event = self._source.get_event
        while (event := get_event()) is not None:
            yield event

    def _node(self, event: ScalarEvent | CollectionStartEvent) -> None:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise _fail(f"more than {self._limits.nodes} values", event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self._key(frame, event)
            return
        path = self._place(frame, _start(event))
        if isinstance(event, ScalarEvent):
            self._store(frame, self._scalar(event, path))
            return
        container = _open_container(event)
        self._store(frame, container)
        self._stack.append(_Frame(container, path))
        if len(self._stack) > self._limits.depth:
            raise _fail(f"nested deeper than {self._limits.depth} levels", event)

    def _place(self, frame: _Frame | None, mark: tuple[int, int]) -> Path:
        """Return the path of the value that begins here, and note its position."""
        if frame is None:
            self._marks[()] = mark
            return ()
        if isinstance(frame.container, dict):
            assert frame.key is not None
            path = (*frame.path, frame.key)
            self._value_marks[path] = mark
            return path
        path = (*frame.path, len(frame.container))
        self._marks[path] = mark
        return path

    def _store(self, frame: _Frame | None, value: JSONValue) -> None:
        if frame is None:
            self._result = value
        elif isinstance(frame.container, dict):
            assert frame.key is not None
            frame.container[frame.key] = value
            frame.key = None
        else:
            frame.container.append(value)

    def _key(self, frame: _Frame, event: ScalarEvent | CollectionStartEvent) -> None:
        if not isinstance(event, ScalarEvent):
            raise _fail("a mapping key has to be plain text", event)
        tag, text = _resolve(event), self._text(event)
        if tag == _MERGE:
            raise _fail("merge keys (<<) are not supported", event)
        value = text if tag == _TEXT else self._plain(tag, text, event)
        key = value if isinstance(value, str) else json.dumps(value)
        path = (*frame.path, key)
        if tag != _TEXT:
            self._odd_keys.add(path)
        if key in frame.container:
            self._duplicates.append(path)
        self._marks[path] = _start(event)
        frame.key = key

    def _scalar(self, event: ScalarEvent, path: Path) -> JSONValue:
        tag, text = _resolve(event), self._text(event)
        if tag == _TEXT:
            return text
        if tag == _DATE:
            self._dates.add(path)
        return self._plain(tag, text, event)

    def _text(self, event: ScalarEvent) -> str:
        text = self._shield.restore(event.value)
        if event.style != '"':
            return text
        if "\0" in text:
            raise _fail("the character NUL cannot be stored", event)
        try:
            # Escapes may name a character by its two halves, as JSON does.
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise _fail("half a character (surrogate) cannot be stored", event) from error

    def _plain(self, tag: str, text: str, event: ScalarEvent) -> JSONValue:
        """Build a value other than text by the rules of YAML 1.1."""
        construct = _CONSTRUCT.get(tag)
        if construct is None:
            raise _fail(f"the tag '{tag}' is not supported", event)
        if len(text) > self._limits.number:
            raise _fail("the number is too long", event)
        try:
            value = construct(_CONSTRUCTOR, ScalarNode(tag, text))
        except (ValueError, KeyError, AttributeError, YAMLError) as error:
            raise _fail(f"'{text}' is no value of the tag '{tag}'", event) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _fail("infinite numbers and .nan are not supported", event)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return str(value)


_PREFIX: Final = "tag:yaml.org,2002:"
_TEXT: Final = _PREFIX + "str"
_DATE: Final = _PREFIX + "timestamp"
_MERGE: Final = _PREFIX + "merge"
_CONSTRUCTOR: Final = SafeConstructor()
_CONSTRUCT: Final = {
    _PREFIX + "null": SafeConstructor.construct_yaml_null,
    _PREFIX + "bool": SafeConstructor.construct_yaml_bool,
    _PREFIX + "int": SafeConstructor.construct_yaml_int,
    _PREFIX + "float": SafeConstructor.construct_yaml_float,
    _DATE: SafeConstructor.construct_yaml_timestamp,
}
# First character of a plain scalar -> the tags it may have, with the pattern of each.
_IMPLICIT: Final = Resolver.yaml_implicit_resolvers


def _resolve(event: ScalarEvent) -> str:
    """Return the full tag of a scalar."""
    if event.tag is not None:
        return _TEXT if event.tag == "!" else str(event.tag)
    if not event.implicit[0]:
        return _TEXT
    value = event.value
    for tag, pattern in _IMPLICIT.get(value[:1], ()):
        if pattern.match(value):
            return str(tag)
    return _TEXT


def _open_container(event: CollectionStartEvent) -> dict[str, JSONValue] | list[JSONValue]:
    kind = "map" if isinstance(event, MappingStartEvent) else "seq"
    if event.tag not in (None, "!", _PREFIX + kind):
        raise _fail(f"the tag '{event.tag}' is not supported", event)
    if isinstance(event, SequenceStartEvent):
        return []
    return {}
