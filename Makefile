PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check axe bench crash lock screenshots clean

demo: .venv/.runtime
	$(BIN)/aggregator demo --open

test: .venv/.dev
	$(BIN)/python -m tests.browser_setup
	$(BIN)/pytest

check: .venv/.dev
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
	$(MAKE) test

axe: .venv/.dev
	$(BIN)/python -m tests.browser_setup
	AXE=all $(BIN)/pytest tests/browser/test_screens.py

SIZE ?= 1M
bench: .venv/.dev
	SIZE=$(SIZE) $(BIN)/python -m benchmarks

KILLS ?= 200
crash: .venv/.dev
	$(BIN)/python -m benchmarks.crash --kills $(KILLS)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python requirements/runtime.txt pyproject.toml
	@echo 'Installing what it needs into .venv (about half a minute) ...'
	$(BIN)/pip install -q --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@

.venv/.dev: .venv/bin/python requirements/dev.txt pyproject.toml
	@echo 'Installing what it and its tests need into .venv (about a minute) ...'
	$(BIN)/pip install -q --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@ .venv/.runtime

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml requirements/build.in -o requirements/runtime.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml requirements/build.in --group dev -o requirements/dev.txt
	for peers in loaders airbyte; do uv pip compile -q --python-platform linux --python-version 3.11 --generate-hashes --no-header --no-annotate benchmarks/peers/$$peers.in -o benchmarks/peers/$$peers.txt; done

screenshots: .venv/.dev
	$(BIN)/python -m tests.browser_setup
	$(BIN)/python -m tests.pictures

clean:
	rm -rf .venv build dist .data
