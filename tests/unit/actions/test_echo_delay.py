"""What `delay` of std.echo may be."""

from __future__ import annotations

import pytest

from workflows.actions.base import ActionFailed
from workflows.actions.std.echo import _as_delay


@pytest.mark.parametrize(
    ("given", "seconds"), [(2, 2), (0.5, 0.5), ("1.5", 1.5), (-1, 0), ("-1", 0), ("soon", 0)]
)
def test_a_delay_that_is_none_is_no_delay(given: float | str, seconds: float) -> None:
    assert _as_delay(given) == seconds


def test_a_list_is_no_delay_at_all() -> None:
    with pytest.raises(ActionFailed):
        _as_delay([1])
