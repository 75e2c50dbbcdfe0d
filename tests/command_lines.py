"""Whether a command line would be understood: its program is there and takes the options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath

import flower.options  # noqa: F401  # defines the options of Flower
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class
from gunicorn.config import Config
from tornado.options import options as flower_options

from config.celery import app


def check(command: Sequence[str]) -> None:
    """Fail unless the command line is one that its program takes; nothing is run."""
    program, *arguments = command
    name = PurePath(program).name
    if name.startswith("python"):
        if arguments[:2] == ["-m", "celery"]:
            _check_celery(arguments[2:])
        elif arguments[:2] == ["-m", "gunicorn"]:
            _check_gunicorn(arguments[2:])
        elif arguments[0] == "-c":
            compile(arguments[1], "command", "exec")
        else:
            assert arguments[0].endswith("manage.py"), command
            _check_management(arguments[1:])
    elif name == "manage.py":
        _check_management(arguments)
    elif name == "celery":
        _check_celery(arguments)
    elif name == "gunicorn":
        _check_gunicorn(arguments)
    else:
        raise AssertionError(f"a program that is not ours: {program}")


def _check_management(arguments: list[str]) -> None:
    name, *options = arguments
    application = get_commands()[name]
    assert isinstance(application, str)
    command = load_command_class(application, name)
    command.create_parser("manage.py", name).parse_args(options)


def _check_celery(arguments: list[str]) -> None:
    arguments = [one for one in arguments if one != "--quiet"]
    if arguments[0] == "flower":
        for option in arguments[1:]:
            name, _, value = option.removeprefix("--").partition("=")
            assert name.replace("_", "-") in flower_options, option
            assert value, option
        return
    *application, name = arguments[: 1 if arguments[0] != "-A" else 3]
    assert application in ([], ["-A", "config"])
    context = CLIContext(app=app, no_color=True, workdir=None, quiet=True)
    rest = arguments[len(application) + 1 :]
    celery.commands[name].make_context(name, rest, obj=context)


def _check_gunicorn(arguments: list[str]) -> None:
    found = Config().parser().parse_args(arguments)
    assert found.args == ["config.wsgi"]
    if found.logger_class is not None:
        module = found.logger_class.rpartition(".")[0].replace(".", os.sep)
        assert os.path.exists(f"{module}.py"), found.logger_class
