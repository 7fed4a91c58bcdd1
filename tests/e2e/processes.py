"""A site without any data, with real processes: web, worker, beat, and the simulated vendors."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from connectors.simulator.serve import PROVIDERS, build
from tests.paths import REPOSITORY

LOGIN, PASSWORD = "ada@example.com", "tram oyster 61 velvet"


@dataclass(frozen=True)
class EmptySite:
    """The running site. origins: of the simulated vendors, by provider."""

    url: str
    origins: dict[str, str]


@contextmanager
def empty_site(folder: Path) -> Iterator[EmptySite]:
    """Starts everything, and ends it afterwards. folder: for the database, the broker and the logs."""
    with ExitStack() as stack:
        origins = {provider: stack.enter_context(build(provider)).origin for provider in PROVIDERS}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "ENV_FILE": os.devnull,
            "DEBUG": "true",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
            "CELERY_BROKER_URL": f"fs://localhost/{folder.name}",
            "PUBLIC_BASE_URL": url,
            "CONNECTOR_ORIGINS": ",".join(f"{provider}={origin}" for provider, origin in origins.items()),
            "EGRESS_ALLOW": ",".join(origin.removeprefix("http://") for origin in origins.values()),
            "LOG_LEVEL": "WARNING",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        for command in ("migrate -v 0", f"createsuperuser --noinput --email {LOGIN}"):
            subprocess.run(  # noqa: S603 - our own commands
                [sys.executable, "manage.py", *command.split()], cwd=REPOSITORY, env=environment, check=True
            )
        for name, command in {
            "web": f"gunicorn config.wsgi --config config/gunicorn.py --bind 127.0.0.1:{port} --log-level warning",
            "runs": "celery --quiet -A config worker -Q runs -n runs@%h -P threads -c 2 -l WARNING",
            "tick": "celery --quiet -A config worker -Q tick -n tick@%h -P threads -c 1 -l WARNING -B",
        }.items():
            program, *arguments = command.split()
            log = stack.enter_context((folder / name).open("w"))
            process = subprocess.Popen(  # noqa: S603 - our own commands
                [str(Path(sys.executable).parent / program), *arguments],
                cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            stack.callback(_end, process)
        _wait_for(port)
        yield EmptySite(url, origins)


def _wait_for(port: int) -> None:
    for _ in range(120):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the site does not answer")


def _end(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
