"""Hostile and endless expressions: each of them fails, and soon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.expressions.conftest import Evaluate
from workflows.errors import ExpressionFailed, ExpressionInvalid
from workflows.expressions.check import find_expression_problems
from workflows.expressions.limits import LIMITS
from workflows.expressions.yaql import parse_yaql

DOUBLING = "{% set a = 'aaaaaaaa' * 1000000 %}" + 8 * "{% set a %}{{ a }}{{ a }}{% endset %}"


@pytest.mark.parametrize(
    "expression",
    [
        "{{ 9 ** (9 ** 9) }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{{ lipsum(n=200000) }}",
        "{{ [0] * 2000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%(a)-1000000000d' % {'a': 1} }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x'.center(1000000000) }}",
        "{{ 'x'.ljust(width=1000000000) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{0:{1}}'.format(1, 1000000000) }}",
        "{{ [1, 2, 3] | join('a' * 100000000) }}",
        "{{ 'a'.replace('', 'b' * 10000000).replace('', 'b' * 10000000) }}",
        "{{ ('a' | replace('', 'b' * 10000000)) | replace('', 'b' * 10000000) }}",
        "{{ [1] | slice(1000000000) | list }}",
        "{{ [1] | batch(1000000000, 0) | list }}",
        "{{ 'a' | indent(1000000000) }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ 1 | round(1000000000, 'ceil') }}",
        "{{ (1).to_bytes(1000000000, 'big') }}",
        "{{ '\\t'.expandtabs(1000000000) }}",
        "{{ ('a' * 100000).translate({97: 'b' * 100000}) }}",
        "{{ ('a' * 1000000).join(['b'] * 1000) }}",
        "{{ ('a' * 1000000).join([1, 2] | map('string')) }}",
        "{{ ('a' * 100000) | wordwrap(1, wrapstring='b' * 1000) }}",
        "{{ '%.1000000000f' | format(1.5) }}",
        "{{ _.unset ~ 'a' }}",
        "{{ range(1000000000) | list }}",
        "{{ range(100000) | map('center', 16000000) | list }}",
        "{% set b %}{% for i in range(100000) %}{{ 'a' * 16000000 }}{% endfor %}{% endset %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ f(n - 1) ~ f(n - 1) if n }}{% endmacro %}{{ f(30) }}",
        "{% include 'x' %}",
        "{{ [[1] * 1000] * 1100 }}",
        DOUBLING,
    ],
)
def test_jinja_cannot_use_up_time_or_memory(run: Evaluate, expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        run(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ '' | attr('__class__') }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ ('{0.__class__}' | attr('format'))(1) }}",
        "{{ lipsum.__globals__ }}",
        "{{ task.__globals__ }}",
        "{{ _.get.__self__ }}",
        "{{ _._layers_in_order }}",
        "{{ _.list.append(1) }}",
        "{{ _.dict.update(a=1) }}",
        "{{ cycler('a') }}",
        "{{ self }}",
        "<% call('__class__', [], {}) %>",
        "<% lambda($) %>",
        "<% '{0.__class__}'.format(1) %>",
    ],
)
def test_nothing_can_be_reached_or_changed(run: Evaluate, expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        run(expression, list=[], dict={})


@pytest.mark.parametrize(
    "expression",
    [
        "<% sequence().len() %>",
        "<% sequence() %>",
        "x <% sequence() %>",
        "<% 1.repeat().len() %>",
        "<% [1, 2].cycle().len() %>",
        "<% sequence().last() %>",
        "<% -1 in sequence() %>",
        "<% json_dump(sequence()) %>",
        "<% range(99999).select(range(99999).len()).len() %>",
        "<% pow(9, pow(9, 9)) %>",
        "<% range(100000).aggregate($1 * $1, 9) %>",
        "<% [0] * 2000000000 %>",
        "<% 2000000000 * [0] %>",
        "<% 'a' * 2000000000 %>",
        "<% shiftBitsLeft(1, 10000000000) %>",
        "<% range(1000).select(1).join('a' * 10000000) %>",
        "<% ('a' * 10000000).join(range(1000)) %>",
        "<% 'a'.replace('', 'b' * 10000000).replace('', 'b' * 10000000) %>",
        "<% regex('').replace('b' * 10000, 'b' * 10000) %>",
        "<% range(100000).aggregate($1 + $1, abcdefgh) %>",
        "<% range(100000).aggregate($1 + $1, [1]) %>",
        "<% range(100000).select('x' * 16000000).toList() %>",
        "<% range(1000).select([0] * 100000).toList() %>",
        "<% range(300).aggregate([$1], 1) %>",
        "<% range(20).aggregate([$1, $1], 1) %>",
        "<% def(f, f()) -> f() %>",
        "<% " + "not " * 3000 + "true %>",
    ],
)
def test_yaql_cannot_use_up_time_or_memory(run: Evaluate, expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        run(expression)


def test_an_endless_generator_ends(run: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.expressions.limits.LIMITS", replace(LIMITS, calls=5000))

    with pytest.raises(ExpressionFailed, match="calls more than 5000 functions"):
        run("<% generate(0, true, $ + 1).len() %>")


@pytest.mark.parametrize(
    "text",
    [
        "<% " + "(" * 5000 + "1" + ")" * 5000 + " %>",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "x {{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "not " * 3000 + "true }}",
        "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
        "<% '" + "a" * 20000 + "' %>",
        "{{ '" + "a" * 20000 + "' }}",
    ],
)
def test_too_long_and_too_deep_expressions_are_refused_at_the_check(
    run: Evaluate, text: str
) -> None:
    (problem,) = find_expression_problems(text)

    assert len(problem) < 700
    with pytest.raises(ExpressionFailed):
        run(text)


def test_a_long_chain_of_operators_works_and_a_very_long_one_fails_cleanly(run: Evaluate) -> None:
    for begin, end in (("<% ", "1 %>"), ("{{ ", "1 }}")):
        assert run(begin + "1+" * 20 + end) == 21
        with pytest.raises(ExpressionFailed, match="nested too deeply"):
            run(begin + "1+" * 5000 + end)


def test_large_but_sound_work_is_done(run: Evaluate) -> None:
    rows = [{"id": number, "name": f"row {number}"} for number in range(3000)]

    assert len(run("<% range(30000).select({id => $}) %>")) == 30_000
    assert run("<% $.rows.where($.id >= 2990).id.sum() %>", rows=rows) == 29_945
    assert (
        run("{{ _.rows | selectattr('id', 'ge', 2990) | map(attribute='id') | sum }}", rows=rows)
        == 29_945
    )
    assert len(run("<% 'abcdefghij' * 2000 %>")) == 20_000
    assert run("<% pow(2, 64) * 10 %>") == 2**64 * 10
    assert run("<% range(30).aggregate({level => $2, inner => $1}, bottom) %>")["level"] == 29
    assert len(run("{% for i in range(20000) %}{{ i % 10 }}{% endfor %}")) == 20_000


def test_the_parser_refuses_an_expression_that_was_never_checked() -> None:
    with pytest.raises(ExpressionInvalid, match="more than 100 brackets"):
        parse_yaql("(" * 200 + "1" + ")" * 200)


@pytest.mark.parametrize(
    "expression",
    [
        "<% 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ '(a|a)+$' %>",
        "<% 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' !~ '(a|a)+$' %>",
        "<% 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' =~ regex('(a|a)+$') %>",
        "<% 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a|a)+$') %>",
        "<% regex('(a|a)+$').search('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!') %>",
        "<% regex('(a|a)+$').searchAll('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!') %>",
        "<% regex('(a|a)+$').split('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!') %>",
        "<% regex('(a|a)+$').replace('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', 'bb') %>",
        "<% regex('(a|a)+$').replaceBy('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', b) %>",
    ],
)
def test_a_regular_expression_that_never_ends_is_stopped(
    run: Evaluate, expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(LIMITS, seconds=0.05)
    monkeypatch.setattr("workflows.expressions.patterns.LIMITS", limits)
    with pytest.raises(ExpressionFailed, match=r"a regular expression takes more than 0\.05"):
        run(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "<% range(90000).select($ + 1).where($ > 0).len() %>",
        "<% range(400).select(range(400).sum()).sum() %>",
        "<% generate(0, true, $ + 1).len() %>",
        "{% for i in range(9000) %}{% for j in range(400) %}{% set x = i * j %}{% endfor %}"
        "{% endfor %}",
        "{% for i in range(99999) %}{{ i }}{{ i }}{{ i }}{% endfor %}",
        "<% json_dump(range(60000)) %>",
        "<% yaml_dump(range(9000).toList()) %>",
        "<% yaml_parse($.long) %>",
    ],
)
def test_what_is_slow_within_all_sizes_is_stopped(
    run: Evaluate, expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(LIMITS, seconds=0.005)
    monkeypatch.setattr("workflows.expressions.limits.LIMITS", limits)
    with pytest.raises(ExpressionFailed, match=r"it takes more than 0\.005 seconds"):
        run(expression, long="- a\n" * 5_000)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("<% regex('a(b)c').search('xabcx', $2.value) %>", "b"),
        ("<% regex('a.c').searchAll('abcadc') %>", ["abc", "adc"]),
        ("<% regex('a.').split('abcadc') %>", ["", "c", "c"]),
        ("<% regex('A.', ignoreCase => true).replace('abcadc', 'x') %>", "xcxc"),
        ("<% regex('a.c').replaceBy('axcadc', $.value.toUpper()) %>", "AXCADC"),
        ("<% 'abc' =~ '^a' and 'abc' !~ 'd' %>", True),
        ("<% 'abc'.matches(b) %>", True),
        ("<% 'aXb'.split(regex('[A-Z]')) %>", ["a", "b"]),
    ],
)
def test_timed_patterns_do_what_the_library_says(
    run: Evaluate, expression: str, value: object
) -> None:
    assert run(expression) == value
