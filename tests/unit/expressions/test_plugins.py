"""Functions and languages of installed packages, and the choice of languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from tests.unit.expressions.conftest import Evaluate
from workflows.errors import ExpressionFailed
from workflows.expressions import evaluate as evaluation
from workflows.expressions import plugins
from workflows.expressions.check import find_expression_problems
from workflows.expressions.evaluate import is_expression
from workflows.expressions.jinja_sandbox import Sandbox
from workflows.expressions.session import Session
from workflows.expressions.yaql_library import build_library


def shout(text: str, times: int = 1) -> str:
    return text.upper() + "!" * times


def spoil(names: list[str]) -> list[str]:
    names.append("spoiled")
    return names


class Percent:
    """`%name%` is the variable of that name."""

    def has_expression(self, text: str) -> bool:
        return text.startswith("%") and text.endswith("%") and len(text) > 2

    def find_problem(self, text: str) -> str | None:
        return "a name has no blanks" if " " in text else None

    def evaluate(self, text: str, data: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
        name = text.strip("%")
        return functions[name]() if name in functions else data[name]


def function_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{value}", group=plugins.FUNCTION_GROUP)


def language_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{value}", group=plugins.LANGUAGE_GROUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    plugins.allow_languages(plugins.BUILT_IN_LANGUAGES)
    evaluation._short_program.cache_clear()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions `shout_it` and `spoil` and the language `percent` are installed."""
    functions = plugins.load_functions(
        [function_point("shout_it", "shout"), function_point("spoil", "spoil")]
    )
    languages = plugins.load_languages([language_point("percent", "Percent")])
    monkeypatch.setattr(plugins, "_installed_languages", lambda: languages)
    for module in ("workflows.expressions.jinja_sandbox", "workflows.expressions.yaql_library"):
        monkeypatch.setattr(f"{module}.all_functions", lambda: functions)
    library, sandbox = build_library(), Sandbox()
    monkeypatch.setattr("workflows.expressions.yaql._library", lambda: library)
    monkeypatch.setattr("workflows.expressions.jinja._SANDBOX", sandbox)
    evaluation._short_program.cache_clear()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("<% shout_it(hey) %>", "HEY!"),
        ("<% shout_it(text => hey, times => 2) %>", "HEY!!"),
        ("{{ shout_it('hey', times=3) }}", "HEY!!!"),
        ("{{ 'hey' | shout_it }}", "HEY!"),
        ("<% spoil($.names).len() + $.names.len() %>", 3),
        ("{{ (spoil(_.names) | length) + (_.names | length) }}", 3),
    ],
)
def test_a_function_of_a_package_works_in_both_languages_on_data_of_its_own(
    run: Evaluate, expression: str, value: Any
) -> None:
    assert run(expression, names=["Ann"]) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("gone", "no_such"), ("not a name", "shout"), ("no_function", "__doc__")],
)
def test_a_function_that_cannot_be_used_is_logged_and_left_out(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert name not in plugins.load_functions([function_point(name, value)])
    assert caplog.records[-1].entry_point == name


def test_no_package_replaces_a_function_of_ours() -> None:
    assert (
        plugins.load_functions([function_point("env", "shout")])["env"]
        is (plugins.load_functions([])["env"])
    )


@pytest.mark.usefixtures("installed")
def test_a_language_of_a_package_is_used_once_it_is_allowed(run: Evaluate) -> None:
    assert run("%size%", size=[1, 2]) == "%size%"
    plugins.allow_languages(["yaql", "percent"])
    evaluation._short_program.cache_clear()
    assert run({"a": ["%size%", "<% 1 + 1 %>"]}, size=[1, 2]) == {"a": [[1, 2], 2]}
    assert run("%uuid%") == "uuid-1"
    assert is_expression("%size%")
    assert find_expression_problems("%two words%") == [
        "Expression [%two words%]: it is no valid percent: a name has no blanks"
    ]
    with pytest.raises(ExpressionFailed, match=r"percent expression failed \[%absent%\]"):
        run("%absent%")


@pytest.mark.parametrize(
    ("allowed", "text"), [("yaql", "{{ 1 + 1 }}"), ("jinja", "<% 1 + 1 %>"), ("jinja", "<% ( %>")]
)
def test_a_text_in_a_forbidden_language_is_plain_text(
    run: Evaluate, allowed: str, text: str
) -> None:
    plugins.allow_languages([allowed])
    evaluation._short_program.cache_clear()
    assert run(text) == text
    assert not is_expression(text)
    assert find_expression_problems(text) == []


def test_a_language_that_nobody_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no such expression language: lua"):
        plugins.allow_languages(["yaql", "lua"])


def test_a_language_that_cannot_be_used_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert plugins.load_languages([language_point("shout", "shout")]) == {}
    assert plugins.load_languages([language_point("yaql", "Percent")]) == {}
    assert [record.entry_point for record in caplog.records] == ["shout", "yaql"]


def test_a_function_gets_no_session(reader: Any) -> None:
    function = plugins.load_functions([function_point("shout_it", "shout")])["shout_it"]
    assert function(Session(reader), "a", times=2) == "A!!"
