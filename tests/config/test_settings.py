"""Settings refuse what must not run in production, and say what to do."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config.logs import JsonLine
from tests.paths import REPOSITORY


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter with exactly this environment and no .env."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603  (own commands below)
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={
            **inherited,
            "ENV_FILE": os.devnull,
            "DATABASE_URL": "sqlite://:memory:",
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def setting(expression: str, **environment: str) -> str:
    result = python("-c", f"from config import settings; print(({expression}))", **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("start", [["manage.py", "check"], ["-c", "import config.wsgi"]], ids=["command", "wsgi"])
def test_it_refuses_to_start_without_a_secret_key(start: list[str]) -> None:
    result = python(*start)
    assert result.returncode != 0
    assert "SECRET_KEY is not set." in result.stderr
    assert "Run `make setup`" in result.stderr


@pytest.mark.parametrize(
    "name,value", [("CONNECTOR_ORIGINS", "pagerduty=http://127.0.0.1:9"), ("EGRESS_ALLOW", "[::1]:9")]
)
@pytest.mark.parametrize("start", [["manage.py", "check"], ["-c", "import config.wsgi"]], ids=["command", "wsgi"])
def test_it_refuses_simulators_outside_debug(start: list[str], name: str, value: str) -> None:
    result = python(*start, SECRET_KEY="k" * 60, **{name: value})
    assert result.returncode != 0
    assert f"(connectors.E001) {name} is set" in result.stderr


def test_a_stopped_loop_over_rows_leaves_no_cursor_at_the_server() -> None:
    """Closing it during another statement of the same connection would wait for ever."""
    name = "settings.DATABASES['default']['DISABLE_SERVER_SIDE_CURSORS']"
    assert setting(name, SECRET_KEY="k" * 60, DATABASE_URL="postgres://127.0.0.1/rotabridge") == "True"


def test_it_lets_simulators_pass_with_debug_but_not_a_deployment_check() -> None:
    environment = {"DEBUG": "true", "SECRET_KEY": "k" * 60, "EGRESS_ALLOW": "127.0.0.1:9"}
    assert python("manage.py", "check", **environment).returncode == 0
    assert "(connectors.E001)" in python("manage.py", "check", "--deploy", **environment).stderr


def test_a_production_environment_passes_the_deployment_check() -> None:
    result = python(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        SECRET_KEY=Fernet.generate_key().decode() * 2,
        CREDENTIAL_KEYS=Fernet.generate_key().decode(),
        PUBLIC_BASE_URL="https://oncall.example.com",
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["SESSION_HOURS", "SESSION_IDLE_MINUTES", "CONFIRM_MINUTES"])
def test_it_refuses_limits_of_logins_without_effect(name: str) -> None:
    result = python("manage.py", "check", SECRET_KEY="k" * 60, **{name: "0"})
    assert result.returncode != 0
    assert f"(oncall.E001) {name} must be greater than 0." in result.stderr


def test_the_deployment_check_reports_long_limits_of_logins() -> None:
    long = {"SESSION_HOURS": "25", "SESSION_IDLE_MINUTES": "121", "CONFIRM_MINUTES": "61"}
    result = python("manage.py", "check", "--deploy", SECRET_KEY="k" * 60, **long)
    assert all(f"(oncall.W00{n})" in result.stderr for n in (1, 2, 3))


def test_transport_is_strict_unless_a_variable_changes_it() -> None:
    expression = "settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_NAME, settings.SECURE_HSTS_SECONDS"
    assert setting(expression, SECRET_KEY="k") == "(True, '__Host-session', 31536000)"
    assert setting(expression, SECRET_KEY="k", HTTPS_ONLY="false") == "(False, 'session', 0)"
    assert setting(expression, DEBUG="true") == "(False, 'session', 0)"


def test_it_reads_the_env_file_but_the_environment_wins(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("SECRET_KEY=from-file\nSESSION_HOURS=3\n")
    expression = "settings.SECRET_KEY, settings.SESSION_COOKIE_AGE"
    assert setting(expression, ENV_FILE=str(env_file), SESSION_HOURS="2") == "('from-file', 7200)"


def test_it_parses_origins_and_allowed_addresses() -> None:
    expression = "settings.CONNECTOR_ORIGINS, settings.EGRESS_ALLOW"
    given = {"CONNECTOR_ORIGINS": "pagerduty=http://127.0.0.1:9,jsm=http://127.0.0.1:8", "EGRESS_ALLOW": "127.0.0.1:9"}
    wanted = "({'pagerduty': 'http://127.0.0.1:9', 'jsm': 'http://127.0.0.1:8'}, ['127.0.0.1:9'])"
    assert setting(expression, SECRET_KEY="k", **given) == wanted


def test_it_answers_to_the_public_address_and_trusts_its_forms() -> None:
    expression = "settings.ALLOWED_HOSTS[0], settings.CSRF_TRUSTED_ORIGINS"
    given = {"PUBLIC_BASE_URL": "https://oncall.example.com:8443/"}
    assert setting(expression, SECRET_KEY="k", **given) == "('oncall.example.com', ['https://oncall.example.com:8443'])"


def test_sqlite_takes_the_write_lock_first_and_other_databases_keep_their_options() -> None:
    expression = "settings.DATABASES['default'].get('OPTIONS', {}).get('transaction_mode')"
    assert setting(expression, SECRET_KEY="k") == "IMMEDIATE"
    assert setting(expression, SECRET_KEY="k", DATABASE_URL="postgres://a@127.0.0.1/b") == "None"


def test_redis_gets_its_own_transport_options() -> None:
    expression = "settings.CELERY_BROKER_TRANSPORT_OPTIONS['visibility_timeout']"
    assert setting(expression, SECRET_KEY="k", CELERY_BROKER_URL="redis://127.0.0.1:6379/0") == "3600"


def test_a_log_line_is_one_json_object_with_the_exception_inside() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("sync", logging.ERROR, __file__, 1, "failed %s", ("x",), sys.exc_info())
        record.stack_info = "Stack:\n  here"
    line = JsonLine().format(record)
    assert "\n" not in line
    parsed = json.loads(line)
    assert (parsed["level"], parsed["logger"], parsed["message"]) == ("ERROR", "sync", "failed x")
    assert parsed["exception"].endswith("ValueError: two\nlines")
    assert parsed["stack"] == "Stack:\n  here"
    assert parsed["at"].endswith("Z")


def test_it_says_at_the_start_that_credentials_cannot_be_stored() -> None:
    for keys, words in (("", "CREDENTIAL_KEYS is not set"), ("too-short", "not a Fernet key")):
        result = python("manage.py", "check", SECRET_KEY="k" * 50, CREDENTIAL_KEYS=keys)
        assert result.returncode != 0
        assert words in result.stderr
        assert "too-short" not in result.stderr


def test_a_recording_can_be_read_without_any_setting(tmp_path: Path) -> None:
    recording = {"format": "rotabridge-recording/1", "provider": "pagerduty", "settings": {"subdomain": "acme"}}
    file = tmp_path / "empty.json"
    file.write_text(json.dumps({**recording, "exchanges": []}))
    result = python("manage.py", "replay", str(file), "--json", CREDENTIAL_KEYS="")
    assert result.returncode == 3, result.stderr
    assert {failed["entity_type"] for failed in json.loads(result.stdout)["failed"]} >= {"responder", "service"}


def test_a_shell_command_refuses_a_simulator_outside_debug_as_the_site_does() -> None:
    result = python("manage.py", "sync_run", "x", SECRET_KEY="k" * 60, CONNECTOR_ORIGINS="pagerduty=http://127.0.0.1:9")
    assert result.returncode != 0
    assert "connectors.E001" in result.stderr
