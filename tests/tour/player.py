"""Runs commands of manage.py, each in a process of its own, without the time that each would need to start.

Reads one JSON document a line: ``{"words", "environment", "output"}``. For each it writes ``{"process"}`` when it
begins, and ``{"status"}`` when it is over, as a shell counts it. ``site SENTENCE`` does what site.py has for it.
"""

import io
import json
import os
import sys
from typing import Any

import django
from django.core.management import call_command, execute_from_command_line


def run(words: list[str], environment: dict[str, str], output: str) -> None:
    """Run a command in this process, which ends with it."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ |= environment
    status: Any = 0
    try:
        if words[0] == "site":
            from tests.tour.site import SENTENCES

            SENTENCES[words[1]]()
        else:
            execute_from_command_line(words)
    except SystemExit as end:
        status = end.code or 0
    except BaseException:  # noqa: BLE001 - the process must not go on as a second player
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


def main() -> None:
    django.setup()
    call_command("check", stdout=io.StringIO())  # imports the whole product once, instead of in each process
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            run(**json.loads(line))
        answer({"process": process})
        _, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        answer({"status": code if code >= 0 else 128 - code})


def answer(document: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
