# Two commands do everything on a machine with python3, python3-venv and make:
#   make up      set up and run the lab
#   make test    set up what the tests need and run them all
# Others: check (format, lint, types, floors), bench, chaos, fuzz, lock, clean.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-ready
DEV := $(VENV)/.dev-ready

.PHONY: up test check bench chaos fuzz lock clean

up: $(RUN)
	@$(BIN)/antiphon lab up

test: $(DEV)
	@sh tools/system-packages
	$(BIN)/pytest -n 2 --dist loadfile -q

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	@sh tools/system-packages bench
	$(BIN)/python bench/run.py

chaos: $(DEV)
	$(BIN)/pytest -q tests/chaos --chaos-seconds 600

fuzz: $(DEV)
	$(BIN)/pytest -q tests/protocols tests/interfaces --hypothesis-profile fuzz

# The locks name no index; every file is checked by its hash.
lock: $(DEV)
	$(BIN)/uv pip compile -q --no-emit-index-url --no-annotate --generate-hashes --universal --no-header \
		--group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --no-emit-index-url --no-annotate --generate-hashes --universal --no-header \
		--all-extras --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Setting up Antiphon in $(VENV) (about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "Setting up what the tests need ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
