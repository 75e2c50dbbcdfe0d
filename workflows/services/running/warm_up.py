"""What a process that is about to fork does first, so that its children share the result."""

from __future__ import annotations

import gc
import importlib
from contextlib import suppress
from typing import Final

from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader

_EXPRESSIONS: Final = ("<% $.x %>", "<% [$.x].len() + 1 %>", "{{ _.x }}")


def prepare_to_fork() -> None:
    """Make what each child would make by itself, and keep the collector away from all there is.

    A collection in a child writes to every object it looks at, which would copy all of them.
    """
    for text in _EXPRESSIONS:
        evaluate(text, {"x": 1}, NoReader())
    _prepare_cffi()
    gc.collect()
    gc.freeze()


def _prepare_cffi() -> None:
    """Load the parser of cffi, by which each process of Celery's pool calls one C function."""
    with suppress(ImportError):
        importlib.import_module("cffi").FFI().cdef("int prctl (int __option, ...);")
