# make demo      install into .venv and learn the two moons
# make test      the whole test suite
# make coverage  the suite, which must reach 95 % of the package's lines and branches
# make check     format, lint, types, layers
# make docs      the documentation, into site/
# make audit     known weaknesses of the pinned packages (asks osv.dev)
# make bench     the figures of docs/benchmarks.md (minutes)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
DOCS_STAMP := $(VENV)/.installed-docs
# Where to read data sets from in the benchmarks that need them
export REALNVP_DATA

.PHONY: demo test coverage check format docs audit bench clean

demo: $(STAMP)
	$(BIN)/realnvp fit moons

test: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

coverage: $(DEV_STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov --cov-report=term $(ARGS)

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

audit: | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)/audit/bin/pip-audit -r hashes.txt --require-hashes --disable-pip --progress-spinner off -s osv

bench: $(DEV_STAMP)
	$(BIN)/python -m bench.toy
	$(BIN)/python -m bench.energy
	$(BIN)/python -m bench.images
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.speed --skip compiled

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "realnvp needs Python 3.10 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .hypothesis
