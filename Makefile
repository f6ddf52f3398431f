# Everything a person or CI runs. Needs Python 3.11 or newer, pip, git and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Where `make up` keeps its data, and what to pass on to a command.
DATA ?= .ducha
ARGS ?=
# Two at once: much of a test is waiting. Three on two cores take longer. Tests of one file stay together.
AT_ONCE := -n 2 --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up test test-faults faults check bench gen gen-check lock format clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Installing: only files whose hashes the locks name ---------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what runs into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what tests and checks into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# --- Running ----------------------------------------------------------------------

demo: $(VENV)/.run ## Run the main job and collect once on Yunnan, on embedded servers
	@$(BIN)/ducha demo $(ARGS)

up: $(VENV)/.run ## Start the system and keep it running, data in DATA=.ducha
	@$(BIN)/ducha up --data $(DATA) $(ARGS)

bench: $(VENV)/.dev ## Measure Ducha beside a bare floor
	@$(BIN)/python -m bench $(ARGS)

faults: $(VENV)/.dev ## Break everything, about 40 minutes, and see that nothing is lost
	@$(BIN)/python -m faults $(ARGS)

# --- Checking ---------------------------------------------------------------------

test: $(VENV)/.dev ## Run all tests
	@$(BIN)/python -m pytest $(AT_ONCE) $(ARGS)

test-faults: $(VENV)/.dev ## Run the slice of the faults that CI runs, at most 12 minutes
	@$(BIN)/python -m faults --slice $(ARGS)

check: $(VENV)/.dev ## Run lint, types, contracts, protos, then all tests
	@failed=0; \
	$(BIN)/python -m tools.check || failed=1; \
	$(BIN)/python -m pytest $(AT_ONCE) $(ARGS) || failed=1; \
	exit $$failed

# --- Writing ----------------------------------------------------------------------

format: $(VENV)/.dev ## Format Python and protos, and mend what can be mended
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet
	@$(BIN)/buf format --write proto

gen: $(VENV)/.dev ## Write gen/ from proto/, docs/errors.md, docs/policy.md and the tables of docs/state-machine.md
	@$(BIN)/python -m tools.generate
	@$(BIN)/python -m tools.reasons
	@$(BIN)/python -m tools.policy
	@$(BIN)/python -m tools.states

gen-check: $(VENV)/.dev ## Say whether gen/ and the pages from it are up to date
	@$(BIN)/python -m tools.generate --check
	@$(BIN)/python -m tools.reasons --check
	@$(BIN)/python -m tools.policy --check
	@$(BIN)/python -m tools.states --check

lock: $(BIN)/python ## Write both locks from requirements*.in
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check -qq install pip-tools==7.6.2
	@build/lock/bin/python -m tools.lock $(ARGS)

clean: ## Remove what was built and installed; data in DATA stays
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
