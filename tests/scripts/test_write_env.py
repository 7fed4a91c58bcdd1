"""``make setup`` writes keys that work and never replaces a file."""

import runpy
from collections.abc import Callable
from pathlib import Path

import environ
import pytest
from cryptography.fernet import Fernet

from tests.paths import REPOSITORY

main: Callable[[Path], int] = runpy.run_path(str(REPOSITORY / "scripts" / "write_env.py"))["main"]


def test_it_writes_keys_that_the_settings_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    assert main(path) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(environ.Env, "ENVIRON", {})
    environ.Env.read_env(path)
    env = environ.Env()
    assert len(env.str("SECRET_KEY")) >= 50
    [key] = env.list("CREDENTIAL_KEYS")
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert env.bool("DEBUG") is False


def test_it_makes_new_keys_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        main(tmp_path / name)
    assert (tmp_path / "a").read_text() != (tmp_path / "b").read_text()


def test_it_keeps_a_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\n")
    assert main(path) == 0
    assert path.read_text() == "SECRET_KEY=mine\n"
    assert "kept as it is" in capsys.readouterr().out
