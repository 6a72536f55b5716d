# Every target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo sandbox test quick explore check format bench package requirements clean

PY := .venv/bin/python
QUICK := tests/core tests/laws tests/scenarios tests/triggers tests/events
# A file stays in one process, since what it starts is shared in it; three, as many tests wait for a broker.
PYTEST := $(PY) -m pytest -q --dist loadfile

help:  ## List the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup:  ## Make .venv from the pinned requirements, and Azurite where node is, once
	@scripts/setup.sh

demo: setup  ## Tell one story through the whole sandbox, and check how it ends (under two minutes)
	@$(PY) -m lifecycle demo

sandbox: setup  ## Start a tenant on this machine; Ctrl-C stops it
	@$(PY) -m lifecycle sandbox

test: setup  ## Run every test (under ten minutes on two cores)
	@$(PYTEST) -n 3

quick: setup  ## Run the quick tests: core, laws, scenarios, triggers (under a minute)
	@$(PYTEST) -n 2 -m "not slow" $(wildcard $(QUICK))

explore: setup  ## Look for new examples against the laws, at random and long
	@HYPOTHESIS_PROFILE=thorough $(PY) -m pytest -q tests/laws tests/core

check: setup  ## Lint, format, types, import contracts, requirements
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as check; check()'
	@$(PY) scripts/check_requirements.py

format: setup  ## Format the code
	@$(PY) -m ruff check --fix-only --quiet . && $(PY) -m ruff format .

bench: setup  ## Print the figures; NAME=figure for one (fifteen minutes at most)
	@$(PY) -m benchmarks $(NAME)

package: setup  ## Build what is deployed, without what it does not need; MODEL=file for the access model
	@$(PY) -m scripts.package $(if $(MODEL),--model "$(MODEL)")

requirements: setup  ## Compile the requirements from pyproject.toml, the present pins preferred
	@.venv/bin/uv pip compile -q --python $(PY) --generate-hashes --no-header --no-emit-index-url \
	  pyproject.toml -o requirements.txt
	@.venv/bin/uv pip compile -q --python $(PY) --generate-hashes --no-header --no-emit-index-url \
	  --extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt

clean:  ## Remove what the other targets made
	@rm -rf .venv sandbox/azurite/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .lifecycle build
