"""Only their owner may read the files with personal data and secrets, also when they exist already."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from connectors.checks import private_files_are_private
from connectors.private_files import close, is_open, sqlite_files, write_private
from tests.paths import REPOSITORY


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(code: str, database: Path) -> None:
    """Run code with the settings in a process whose umask is the usual one."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "k" * 60,
        "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    code = f"import os; os.umask(0o022)\nimport django; django.setup()\n{code}"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, check=True, timeout=60)  # noqa: S603


WRITE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS people (name)")
    cursor.execute("INSERT INTO people VALUES ('Ana')")
import sys; from pathlib import Path
sys.exit(sum(p.stat().st_mode & 0o077 for p in Path(DATABASE).parent.glob("*.sqlite3*")))
"""


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_the_sqlite_file_and_those_beside_it_are_private(tmp_path: Path, before: int | None) -> None:
    database = tmp_path / "a.sqlite3"
    if before is not None:
        for path in sqlite_files(database)[:1]:
            path.touch()
            path.chmod(before)
    run(f"DATABASE = {str(database)!r}{WRITE}", database)
    assert mode(database) == 0o600


def test_the_folder_and_the_messages_of_the_broker_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "parent" / "broker"
    code = f"""
import config.celery
from kombu import Connection
with Connection("fs://", transport_options={{"folder": {str(folder)!r}}}) as connection:
    connection.SimpleQueue("work").put({{"a": 1}})
"""
    run(code, tmp_path / "a.sqlite3")
    made = [folder, *folder.iterdir()]
    assert len(made) >= 3  # the folder, a message, a table
    assert not [path for path in made if is_open(path)]


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_recording_is_private(tmp_path: Path, before: int | None) -> None:
    file = tmp_path / "recording.json"
    if before is not None:
        file.write_text("longer than what follows")
        file.chmod(before)
    old = os.umask(0o022)
    try:
        write_private(file, '{"ä": 1}')
    finally:
        os.umask(old)
    assert mode(file) == 0o600
    assert file.read_text(encoding="utf-8") == '{"ä": 1}'


def test_what_is_no_regular_file_can_be_written_too() -> None:
    write_private(Path(os.devnull), "text")


def test_others_lose_their_rights_and_the_owner_keeps_his(tmp_path: Path) -> None:
    folder, file, private = tmp_path / "var", tmp_path / "var" / "file", tmp_path / "var" / "private"
    folder.mkdir()
    for path, rights in ((file, 0o640), (private, 0o600), (folder, 0o755)):
        path.touch()
        path.chmod(rights)
    assert close([folder, file, private, tmp_path / "missing"]) == [folder, file]
    assert (mode(folder), mode(file), mode(private)) == (0o700, 0o600, 0o600)
    assert close([folder, file]) == []


def test_the_check_names_what_is_open_or_was_and_says_what_to_do(tmp_path: Path, settings: Any) -> None:
    file = tmp_path / "var"
    file.touch()
    file.chmod(0o644)
    settings.PRIVATE_PATHS, settings.CLOSED_PATHS = [file], []
    (found,) = private_files_are_private()
    assert (found.id, f"chmod go= {file}" in (found.hint or "")) == ("connectors.W001", True)
    settings.CLOSED_PATHS = close([file])
    (found,) = private_files_are_private()
    assert (found.id, str(file) in found.msg) == ("connectors.W002", True)
    settings.CLOSED_PATHS = []
    assert private_files_are_private() == []


def test_what_belongs_to_somebody_else_is_reported_and_not_touched(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o644)

    def refuse(self: Path, rights: int) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    assert close([file]) == []
    assert is_open(file)
