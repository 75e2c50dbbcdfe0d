"""Stored contexts: a chain of differences in the database, whole ones in each process's memory.

A context never changes, so a process may keep it as long as it likes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from uuid import UUID

from workflows.engine.commands import InsertContext
from workflows.engine.snapshot import BranchContext
from workflows.models import ContextNode
from workflows.models.bulk import insert_rows
from workflows.models.statements import Batch, fetch_all

# After so many differences a context is stored whole again: a read follows at most this many.
MAX_DEPTH = 32
# Contexts kept in each process.
MAX_KEPT = 512

_CHAIN_SQL = """
    WITH RECURSIVE chain AS (
        SELECT id, base_id, depth, variables, versions FROM context_nodes WHERE id = ANY(%s)
        UNION ALL  -- the type json has no equality, which a plain UNION needs
        SELECT node.id, node.base_id, node.depth, node.variables, node.versions
        FROM context_nodes node JOIN chain ON node.id = chain.base_id)
    SELECT id, base_id, depth, variables, versions FROM chain
"""

_kept: OrderedDict[UUID, tuple[BranchContext, int]] = OrderedDict()


def load_contexts(context_ids: Collection[UUID]) -> dict[UUID, BranchContext]:
    """Give the contexts of these ids, whole."""
    missing = [context_id for context_id in context_ids if context_id not in _kept]
    found = {key: _kept[key][0] for key in context_ids if key in _kept}
    if missing:
        loaded = _load(missing)
        found.update((key, loaded[key][0]) for key in missing)
        _keep(loaded)
    return found


def store_contexts(batch: Batch, commands: Iterable[InsertContext], execution_id: UUID) -> None:
    """Write new contexts, each as the difference to its base unless the chain got too long.

    They are kept at once, since this process is likely to go on with them. One whose transaction
    fails is never asked for: the next attempt gives it another id.
    """
    depths: dict[UUID, int] = {}
    rows: list[tuple[object, ...]] = []
    for command in commands:
        context = command.context
        assert context.id is not None
        depth = 0 if command.base_id is None else _depth(command.base_id, depths) + 1
        if depth == 0 or depth > MAX_DEPTH:
            depths[context.id] = 0
            rows.append((context.id, execution_id, None, 0, context.variables, context.versions))
        else:
            depths[context.id] = depth
            changed = (command.changed, command.changed_versions)
            rows.append((context.id, execution_id, command.base_id, depth, *changed))
        _keep({context.id: (context, depths[context.id])})
    columns = ["id", "execution_id", "base_id", "depth", "variables", "versions"]
    insert_rows(batch, ContextNode, columns, rows)


def _depth(context_id: UUID, known: dict[UUID, int]) -> int:
    if context_id in known:
        return known[context_id]
    load_contexts([context_id])
    return _kept[context_id][1]


def _load(context_ids: Collection[UUID]) -> dict[UUID, tuple[BranchContext, int]]:
    nodes = {row[0]: row for row in fetch_all(_CHAIN_SQL, [list(context_ids)], prepared=True)}
    whole: dict[UUID, tuple[BranchContext, int]] = {}
    for context_id, base_id, depth, variables, versions in sorted(
        nodes.values(), key=lambda node: node[2]
    ):
        if base_id is not None:
            # Values of the base are shared, so that equal ones are the same object at a merge.
            base = (whole.get(base_id) or _kept[base_id])[0]
            context = BranchContext(
                context_id, {**base.variables, **variables}, {**base.versions, **versions}
            )
        else:
            context = BranchContext(context_id, variables, versions)
        whole[context_id] = _kept.get(context_id, (context, depth))
    return whole


def _keep(loaded: dict[UUID, tuple[BranchContext, int]]) -> None:
    _kept.update(loaded)
    while len(_kept) > max(MAX_KEPT, len(loaded)):
        _kept.popitem(last=False)
