# The commands of the project. `make` alone lists the verbs. Each target installs its requirements into .venv.

PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=
BIND ?= 127.0.0.1:8000
# The site and beat, without options of their own.
SITE = .venv/bin/gunicorn config.wsgi --config config/gunicorn.py --bind $(BIND) --workers 1
BEAT = .venv/bin/celery -A config beat

# An environment like production for checks, with throw-away keys and nothing from a local .env.
PRODUCTION := ENV_FILE=/dev/null DATABASE_URL=sqlite://:memory: PUBLIC_BASE_URL=https://oncall.example.com \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(60))') \
	CREDENTIAL_KEYS=$$($(PYTHON) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')

.DEFAULT_GOAL := help
.PHONY: help setup demo up run worker beat test test-postgres test-runtime check bench bench-quick attack torture e2e clean

help: ## List the verbs
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# One stamp per list of requirements; they share .venv, so a later one only adds to it.
.venv/%.installed: requirements/%.txt
	@test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.env: | .venv/runtime.installed
	@$(PYTHON) scripts/write_env.py .env

setup: .venv/runtime.installed .env ## Install, write .env with generated keys, create the database
	$(PY) manage.py migrate --verbosity 1

demo: .venv/runtime.installed ## Show the product with simulated vendors (ARGS=--once: run the tour and exit)
	$(PY) manage.py demo $(ARGS)

up: setup ## Run the site at BIND=127.0.0.1:8000, both workers and beat together; stop them together
	scripts/together $(SITE) -- scripts/workers -- $(BEAT)

run: setup ## Serve the site (gunicorn) at BIND=127.0.0.1:8000; ARGS adds options
	$(SITE) $(ARGS)

worker: setup ## Work on queued runs, and on the tick in a process of its own
	scripts/workers $(ARGS)

beat: setup ## Send the tick every minute (one process only)
	$(BEAT) $(ARGS)

test: .venv/test.installed ## Run the tests on SQLite (ARGS=--thorough: long searches in full; ARGS=mutants: broken rules)
	$(PY) -m pytest -n 2 $(if $(filter mutants,$(ARGS)),-m mutants tests,-m "not e2e and not runtime" $(ARGS))

test-postgres: .venv/test.installed ## Run the tests that use a database on PostgreSQL (DATABASE_URL, or a temporary server)
	@if [ -n "$$DATABASE_URL" ]; then $(PY) -m pytest -n 2 -m "not e2e and not runtime" --with-database $(ARGS); \
	else scripts/with-postgres $(PY) -m pytest -n 2 -m "not e2e and not runtime" --with-database $(ARGS); fi

test-runtime: .venv/test.installed ## Install only what production installs, start all processes on PostgreSQL and Redis; run the README
	@if [ -n "$$DATABASE_URL" ]; then $(PY) -m pytest -m runtime tests/runtime $(ARGS); \
	else scripts/with-postgres $(PY) -m pytest -m runtime tests/runtime $(ARGS); fi

check: .venv/lint.installed ## Lint, types, import direction, circles, migrations, deployment settings, sizes of files and folders
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) scripts/check_sizes.py
	$(PRODUCTION) $(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m scripts.check_circles
	$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

bench: .venv/bench.installed ## Measure what the product claims about speed (ARGS=--json FILE; DATABASE_URL for PostgreSQL)
	PYTHONHASHSEED=0 $(PY) -m scripts.bench $(ARGS)

bench-quick: .venv/bench.installed ## Measure the most important figures in a few seconds
	PYTHONHASHSEED=0 $(PY) -m scripts.bench --quick $(ARGS)

attack: .venv/runtime.installed ## Attack the syncs at random (ARGS="--seed N --seconds S --shrink"; DATABASE_URL for PostgreSQL)
	$(PY) -m scripts.attack $(ARGS)

torture: .venv/test.installed ## Kill, stop and cut off real workers (ARGS=runs; needs Redis; DATABASE_URL, or a temporary PostgreSQL)
	@if [ -n "$$DATABASE_URL" ]; then $(PY) -m scripts.torture $(ARGS); \
	else scripts/with-postgres $(PY) -m scripts.torture $(ARGS); fi

e2e: .venv/e2e.installed ## Drive the site with a browser
	scripts/install-chromium
	$(PY) -m pytest -m e2e $(ARGS)

clean: ## Remove the files that can be built again; keep .env and var/
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
