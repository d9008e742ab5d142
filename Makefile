# Two commands set everything up: `make demo` runs the main job, `make test` the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JUDGES := .venv-judges
JUDGES_READY := $(JUDGES)/.ready
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready
JOBS ?= 2

.PHONY: help setup judges peers demo test coverage lint format bench bench-ledger bench-mail fuzz docs system-deps clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## make .venv with the locked dependencies and leaktrace itself

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "leaktrace needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip check --disable-pip-version-check
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

judges: $(JUDGES_READY) ## make .venv-judges: programs by others that check what leaktrace writes

$(JUDGES_READY): requirements-judges.lock
	$(PYTHON) -m venv $(JUDGES)
	$(JUDGES)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-judges.lock
	@touch $(JUDGES_READY)

peers: $(PEERS_READY) ## make .venv-peers: leaktrace beside the programs it is measured against, apart from those it is tested with

$(PEERS_READY): requirements.lock requirements-bench.lock requirements-bench-mail.lock pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	for lock in requirements.lock requirements-bench.lock requirements-bench-mail.lock; do \
		$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $$lock || exit 1; \
	done
	$(PEERS)/bin/python -m pip check --disable-pip-version-check
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(PEERS_READY)

demo: setup ## simulate a leak, find its source and write the page
	$(BIN)/leaktrace demo $(DEMO_ARGS)

test: setup judges ## all tests
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

coverage: setup judges ## all tests, and which lines none of them runs (slower)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --cov --cov-report=term:skip-covered

lint: setup ## ruff and mypy, strict, on code and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## let ruff format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup ## every figure the docs state, measured anew (long)
	$(BIN)/python -m bench
	$(BIN)/python -m bench custody
	$(BIN)/python -m bench.notices

bench-ledger: peers ## the ledger at scale, beside DuckDB and chDB; sizes: LEDGER_ARGS="--ledger-accesses 100000000"
	$(PEERS)/bin/python -m bench ledger $(LEDGER_ARGS)

bench-mail: peers ## the mailroom: right, wrong and per second, beside mail-parser and mailsuite
	$(PEERS)/bin/python -m bench mail $(MAIL_ARGS)

fuzz: peers ## 200,000 mutated mails, guided by coverage (20 minutes)
	$(PEERS)/bin/python -m bench.fuzz $(FUZZ_ARGS)

docs: setup ## rewrite the pages that are made from the code
	$(BIN)/python -m docs.make

system-deps: ## install the Debian packages that tests use (needs root)
	bash tools/system-deps.sh system-deps.txt

clean: ## remove what was built, not your workspaces
	rm -rf $(VENV) $(JUDGES) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
