"""The process that evaluates one script: reads an order from its input, writes one line, and ends.

It is started as a file of its own, without the rest of the project, and gives up all it can before
it reads the order: files, rights of root, and the power to grow.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys

from py_mini_racer import JSEvalException, JSOOMException, JSTimeoutException, MiniRacer

_NOBODY = 65_534
# Megabytes by which the process may grow for the engine itself.
_ENGINE_MEGABYTES = 64
_MEGABYTE = 1024 * 1024
_LONGEST_ERROR = 500

# The context and the script are JSON texts, and as such they are values of the language as well.
_PROGRAM = """
globalThis.$ = {context};
(() => {{
    const found = JSON.stringify(new Function({script})());
    return found === undefined ? 'null' : found.length > {most} ? 1 : found;
}})()
"""


def data_size() -> int:
    """Give the bytes of data that this process has mapped; the engine reserves much of it."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[5]) * resource.getpagesize()


def limit_process(seconds: float, megabytes: int, size: int) -> None:
    """Set the bounds that hold whatever the engine does."""
    most = size + (megabytes + _ENGINE_MEGABYTES) * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    processor = int(seconds) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))


def give_up_rights() -> None:
    """Open nothing more, write nothing, start nothing, and be nobody."""
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def evaluate(engine: MiniRacer, order: dict[str, object]) -> dict[str, object]:
    """Give the result as a JSON text, or the limit that was hit, or the error."""
    program = _PROGRAM.format(
        context=json.dumps(order["context"]),
        script=json.dumps(order["script"]),
        most=order["bytes"],
    )
    try:
        found = engine.eval(
            program,
            timeout_sec=float(str(order["seconds"])),
            max_memory=int(str(order["megabytes"])) * _MEGABYTE,
        )
    except JSTimeoutException:
        return {"limit": "time"}
    except JSOOMException:
        return {"limit": "memory"}
    except JSEvalException as error:
        return {"error": describe(str(error))}
    return {"limit": "size"} if found == 1 else {"result": str(found)}


def describe(error: str) -> str:
    """Give the first line of an error, without the place, which is one in our text around it."""
    return re.sub(r"^\S*:\d+: ", "", error.partition("\n")[0])[:_LONGEST_ERROR]


def main() -> None:
    engine = MiniRacer()
    engine.eval("0")  # everything that is loaded on first use
    size = data_size()
    give_up_rights()
    order = json.loads(sys.stdin.buffer.read())
    limit_process(float(order["seconds"]), int(order["megabytes"]), size)
    sys.stdout.write(json.dumps(evaluate(engine, order)))
    sys.stdout.flush()
    os._exit(0)  # no cleaning up, in which the engine could hang


if __name__ == "__main__":
    main()
