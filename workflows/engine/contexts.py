"""Branch variables: how publishing changes them and how branches are merged.

Each leaf key carries the number of its publications along the branch; at a merge the higher
number wins, and the branch that ended later wins a tie. A key that a publication removes keeps its
(raised) number without a value, so that it does not come back from a branch that never touched it.

The numbers of one variable are stored as one integer when all its leaves share it, and else as a
mapping from leaf path to number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias, cast

from workflows.engine.snapshot import BranchContext
from workflows.jsontypes import JSONObject, JSONValue

Path: TypeAlias = tuple[str, ...]
Counts: TypeAlias = dict[Path, int]

_SEPARATOR: Final = "\x1f"
_ABSENT: Final = object()


def publish(
    context: BranchContext, variables: Mapping[str, JSONValue]
) -> tuple[JSONObject, JSONObject]:
    """Give the changed variables and the changed numbers of a publication."""
    versions: JSONObject = {}
    for name, value in variables.items():
        before = context.variables.get(name)
        version = context.versions.get(name)
        if not isinstance(before, dict) and not isinstance(value, dict) and _is_plain(version):
            versions[name] = int(cast("int", version or 0)) + 1
        else:
            counts = _counts(before, version, name in context.variables)
            versions[name] = _pack(_raise(counts, value), value)
    return dict(variables), versions


def apply_publication(
    context: BranchContext, variables: JSONObject, versions: JSONObject
) -> BranchContext:
    """Give the context after a publication, without an id."""
    return BranchContext(None, {**context.variables, **variables}, {**context.versions, **versions})


def merge(contexts: Iterable[BranchContext]) -> BranchContext:
    """Merge branches; they come in the order in which they ended."""
    variables: JSONObject = {}
    versions: JSONObject = {}
    for context in contexts:
        for name, value in context.variables.items():
            version = context.versions.get(name, 0)
            if name not in variables and name not in versions:
                variables[name], versions[name] = value, version
            elif variables.get(name, _ABSENT) is not value or versions[name] != version:
                _merge_variable(variables, versions, name, value, version)
    return BranchContext(None, variables, versions)


def merge_globals(before: JSONObject, published: Mapping[str, JSONValue]) -> JSONObject:
    """Give the global variables after a publication: mappings are merged, other values replaced."""
    merged = dict(before)
    for name, value in published.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = merge_globals(old, value)
        else:
            merged[name] = value
    return merged


def _merge_variable(
    variables: JSONObject,
    versions: JSONObject,
    name: str,
    later: JSONValue,
    later_version: JSONValue,
) -> None:
    earlier, earlier_version = variables[name], versions[name]
    plain = _is_plain(earlier_version) and _is_plain(later_version)
    if plain and not isinstance(earlier, dict) and not isinstance(later, dict):
        if cast("int", later_version) >= cast("int", earlier_version):
            variables[name], versions[name] = later, later_version
        return
    earlier_counts = _counts(earlier, earlier_version, True)
    later_counts = _counts(later, later_version, True)
    value = _merge_leaves((), earlier, later, earlier_counts, later_counts)
    counts = dict(earlier_counts)
    for path, count in later_counts.items():
        counts[path] = max(count, counts.get(path, 0))
    variables[name] = None if value is _ABSENT else cast("JSONValue", value)
    versions[name] = _pack(counts, variables[name])


def _merge_leaves(
    path: Path, earlier: object, later: object, earlier_counts: Counts, later_counts: Counts
) -> object:
    """Merge two values at a path; either may be absent."""
    mappings = [side for side in (earlier, later) if isinstance(side, dict)]
    others = [side for side in (earlier, later) if not isinstance(side, dict)]
    if mappings and (len(mappings) == 2 or others[0] is _ABSENT):
        return _merge_keys(path, earlier, later, earlier_counts, later_counts)
    if mappings:
        later_wins = _strength(path, later_counts) >= _strength(path, earlier_counts)
        return later if later_wins else earlier
    earlier_count = earlier_counts.get(path, 0)
    later_count = later_counts.get(path, 0)
    if later_count == earlier_count and later is _ABSENT:
        return earlier  # what one branch has removed as often as the other has set it stays
    return later if later_count and later_count >= earlier_count else earlier


def _merge_keys(
    path: Path, earlier: object, later: object, earlier_counts: Counts, later_counts: Counts
) -> object:
    left = earlier if isinstance(earlier, dict) else {}
    right = later if isinstance(later, dict) else {}
    merged: JSONObject = {}
    for key in [*left, *(key for key in right if key not in left)]:
        value = _merge_leaves(
            (*path, key),
            left.get(key, _ABSENT),
            right.get(key, _ABSENT),
            earlier_counts,
            later_counts,
        )
        if value is not _ABSENT:
            merged[key] = cast("JSONValue", value)
    if not merged and (left or right) and _ABSENT in (earlier, later):
        return _ABSENT
    return merged


def _strength(path: Path, counts: Counts) -> int:
    """How often anything at or below the path was published or removed."""
    size = len(path)
    return max((count for place, count in counts.items() if place[:size] == path), default=0)


def _is_plain(version: JSONValue) -> bool:
    return version is None or isinstance(version, int)


def _leaves(value: JSONValue, path: Path = ()) -> Iterable[Path]:
    if isinstance(value, dict):  # an empty one has no leaves, so any other value wins over it
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def _counts(value: JSONValue, version: JSONValue, is_present: bool) -> Counts:
    """Unpack the numbers of a variable."""
    if isinstance(version, dict):
        return {
            tuple(place.split(_SEPARATOR)[1:]): cast("int", count)
            for place, count in version.items()
        }
    number = cast("int", version or 0)
    return dict.fromkeys(_leaves(value), number) if is_present and number else {}


def _raise(counts: Counts, value: JSONValue) -> Counts:
    """Count one more publication for every leaf that is there now or was there before."""
    raised = {path: count + 1 for path, count in counts.items()}
    for path in _leaves(value):
        raised.setdefault(path, 1)
    return raised


def _pack(counts: Counts, value: JSONValue) -> JSONValue:
    """Store one integer if all leaves of the value share it and nothing else is counted."""
    leaves = set(_leaves(value))
    numbers = set(counts.values())
    if len(numbers) == 1 and leaves == counts.keys():
        return numbers.pop()
    return {"".join(_SEPARATOR + key for key in path): count for path, count in counts.items()}
