.PHONY: help setup test lint types js gate dist sbom audit clean
PYTHON ?= python3.11
BIN = .venv/bin

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/vizgraph  ## a virtual environment with everything a developer needs

$(BIN)/vizgraph: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

test: setup  ## the test suite, two processes
	$(BIN)/pytest -n 2

lint: setup types js  ## ruff, mypy, and the checks of the page's JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## mypy, strict
	$(BIN)/mypy

js:  ## types, lint, tests and the bundle of the explorer
	npm install --silent --no-package-lock --no-audit --no-fund
	npm run --silent check

gate:  ## what continuous integration runs
	bash .ci/run

dist: setup  ## wheel and sdist, built twice, and used in a clean environment
	bash scripts/check_distribution.sh $(BIN)/python

sbom: setup  ## what the environment holds, as CycloneDX, in dist/
	mkdir -p dist
	$(BIN)/cyclonedx-py environment $(BIN)/python --output-file dist/sbom.cdx.json

audit: setup  ## whether what is installed fits together, and known holes in what is pinned (which needs the internet)
	$(BIN)/pip check
	$(PYTHON) -m venv .audit && .audit/bin/pip install -q 'pip-audit>=2.9'
	.audit/bin/pip-audit --no-deps --disable-pip -r constraints.txt

clean:  ## remove what tools left behind
	rm -rf .audit .pytest_cache .ruff_cache .mypy_cache build dist node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +
