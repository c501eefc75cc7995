# What can be done here. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# boto3, for the extra `s3`, wants dateutil 2
COMPILE := $(BIN)/pip-compile --upgrade-package 'python-dateutil<3' --quiet --no-header --annotation-style=line --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

PROPERTIES := $(foreach name,order outbox_model faults,tests/integration/test_queue_$(name).py)

.DEFAULT_GOAL := help
.PHONY: help install install-dev run worker test test-load test-examples check audit format bench bench-crash bench-soak schema lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; set PYTHON=… to use another one.")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.made requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

install: $(VENV)/.installed ## make .venv with what the server needs
install-dev: $(VENV)/.installed-dev ## the same with what tests and checks need

run: install ## migrate, seed the demo workflow if there is none, serve on http://127.0.0.1:8000
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_demo --quiet
	@exec $(BIN)/python manage.py serve

worker: install ## deliver in a process of its own, until it is told to stop
	@exec $(BIN)/python manage.py work_events

test: install-dev ## the suite, on SQLite and on PostgreSQL, with coverage
	@rm -f .coverage .coverage.*
	TEST_DATABASE=sqlite $(BIN)/python -m coverage run -m pytest -m "not load" tests $(PYTEST_ARGS)
	TEST_DATABASE=postgres $(BIN)/python -m coverage run -m pytest -m "not load" tests/integration tests/conformance tests/acceptance $(PYTEST_ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --fail-under=95

test-load: install-dev ## crashes, restarts, floods: real servers under load, for some minutes
	TEST_DATABASE=sqlite $(BIN)/python -m pytest -m load tests/acceptance $(PYTEST_ARGS)
	TEST_DATABASE=postgres $(BIN)/python -m pytest -m load tests/acceptance $(PYTEST_ARGS)

test-examples: install-dev ## the property tests of the event engine, with twenty times as many examples
	TEST_DATABASE=sqlite TEST_EXAMPLES=$(or $(TEST_EXAMPLES),20) $(BIN)/python -m pytest $(PROPERTIES) $(PYTEST_ARGS)
	TEST_DATABASE=postgres TEST_EXAMPLES=$(or $(TEST_EXAMPLES),20) $(BIN)/python -m pytest $(PROPERTIES) $(PYTEST_ARGS)

check: install-dev audit ## format, lint and security, types, import contracts, migrations, Django's checks, advisories
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

audit: install-dev ## look the pinned requirements up among the known vulnerabilities
	@$(BIN)/python -m tests.audit

format: install-dev ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-bench ## measure, beside the peers that this installs, and print a table
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-crash: $(VENV)/.installed-dev ## kill servers under load a hundred times, and see that nothing is lost
	$(BIN)/python -m benchmarks crash --seconds 20 --json benchmarks/results/crash.json

bench-soak: $(VENV)/.installed-dev ## ten minutes of mixed load: does the server keep its size?
	$(BIN)/python -m benchmarks soak --seconds 60 --json benchmarks/results/soak.json

schema: install ## print the GraphQL schema
	@$(BIN)/python manage.py schema

lock: install-dev ## write the pinned requirements from pyproject.toml
	$(COMPILE) --upgrade --extra metrics --output-file requirements.txt pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) --upgrade --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt pyproject.toml

clean: ## remove what was built and measured, but not the database
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
