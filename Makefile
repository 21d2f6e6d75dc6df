PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check axe bench crash soak fuzz lock sbom audit screenshots clean

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

SECONDS_EACH ?= 60
fuzz: .venv/.fuzz
	$(BIN)/python -m tests.fuzzing --seconds $(SECONDS_EACH) $(addprefix --target ,$(TARGET))

MINUTES ?= 60
soak: .venv/.dev
	$(BIN)/python -m tests.browser_setup || true
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python requirements/runtime.txt pyproject.toml
	@echo 'Installing what it needs into .venv (about half a minute) ...'
	$(BIN)/pip install -q --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q aggregator connectors
	touch $@

.venv/.dev: .venv/bin/python requirements/dev.txt pyproject.toml
	@echo 'Installing what it and its tests need into .venv (about a minute) ...'
	$(BIN)/pip install -q --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q aggregator connectors
	touch $@ .venv/.runtime

# Wheels for Linux on x86-64 only, and large: apart from what the tests need.
.venv/.fuzz: .venv/.dev requirements/fuzz.txt
	$(BIN)/pip install -q --require-hashes -r requirements/fuzz.txt
	touch $@

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml requirements/build.in -o requirements/runtime.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml requirements/build.in --group dev -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group fuzz -o requirements/fuzz.txt
	for peers in loaders airbyte; do uv pip compile -q --python-platform linux --python-version 3.11 --generate-hashes --no-header --no-annotate benchmarks/peers/$$peers.in -o benchmarks/peers/$$peers.txt; done

# What the runtime's lock installs, as CycloneDX JSON: build/sbom.json. The tool has an environment of its own.
sbom:
	$(PYTHON) -m venv build/sbom
	build/sbom/bin/pip install -q cyclonedx-bom==7.5.0
	build/sbom/bin/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json
	rm -rf build/sbom

# Known vulnerabilities of what both locks install; asks an index for them. --strict: a package it does not know fails it.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install -q pip-audit==2.10.1
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/runtime.txt -r requirements/dev.txt
	rm -rf build/audit

screenshots: .venv/.dev
	$(BIN)/python -m tests.browser_setup
	$(BIN)/python -m tests.pictures

clean:
	rm -rf .venv build dist .data
