"""`python -m workflows.embedded`: the process behind `manage.py up`, or only the servers.

It is not Django, so that the process that watches all others stays small.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Protocol

from workflows.embedded.lock import AlreadyRunning, lock_directory
from workflows.embedded.servers import EmbeddedServers, ServerChoice
from workflows.embedded.stack import Stack, StackOptions
from workflows.embedded.supervisor import ServiceFailed, StopRequested, Supervisor


class Runnable(Protocol):
    """What is started under the supervisor."""

    def start(self) -> None: ...

    def forget(self) -> None: ...


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    supervisor = Supervisor(Path(options.data_dir).resolve())
    supervisor.listen()
    if options.until_input_ends:
        supervisor.output.wake_on(sys.stdin.fileno())
    try:
        lock = lock_directory(supervisor.data_directory, supervisor.check_stop)
    except AlreadyRunning as error:
        supervisor.output.say("levante", str(error))
        return 1
    except StopRequested:
        return 0
    if options.stack:
        return run(Stack(StackOptions.from_json(options.stack), supervisor, lock), supervisor)
    choice = ServerChoice(durable=not options.throw_away)
    return run(EmbeddedServers(supervisor, choice, lock=lock), supervisor)


def run(runnable: Runnable, supervisor: Supervisor) -> int:
    """Start it, keep it running until the end is asked for, and return the exit code."""
    try:
        runnable.start()
        supervisor.keep_running()
    except StopRequested:
        pass
    except ServiceFailed as error:
        supervisor.output.say("levante", str(error))
        return 1
    finally:
        supervisor.output.say("levante", "stopping")
        supervisor.stop()
        runnable.forget()
        supervisor.output.say("levante", "everything has ended")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.embedded", description=__doc__)
    parser.add_argument("--data-dir", required=True, help="folder of all data")
    parser.add_argument("--stack", help="run everything, with these options as JSON")
    parser.add_argument("--throw-away", action="store_true", help="fast, but a crash loses data")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when the input ends")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
