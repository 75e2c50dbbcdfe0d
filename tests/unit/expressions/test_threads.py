from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from workflows.expressions.check import find_expression_problems
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader
from workflows.expressions.yaql import parse_yaql


def test_threads_that_parse_at_once_do_not_disturb_each_other() -> None:
    texts = [
        f"<% $.a.where($.b = {number}).select([$.c, 'x', {{d => 1}}]) %>" for number in range(50)
    ]

    def parse_all(repeat: int) -> list[str]:
        parse_yaql.cache_clear()
        return [problem for text in texts for problem in find_expression_problems(text)]

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(parse_all, range(60)))


def test_threads_that_evaluate_at_once_get_their_own_values() -> None:
    def sums(number: int) -> object:
        texts = ["<% $.n + $.l.sum() %>", "{{ _.n + _.l | sum }}"]
        return [evaluate(text, Context({"n": number, "l": [1, 2]}), NoReader()) for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sums, range(200))) == [[n + 3, n + 3] for n in range(200)]
