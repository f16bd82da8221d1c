.PHONY: help setup test lint gate clean
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

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

gate:  ## what continuous integration runs
	bash .ci/run

clean:  ## remove what tools left behind
	rm -rf .pytest_cache .ruff_cache .mypy_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +
