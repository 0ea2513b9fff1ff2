# Everything happens in .venv and .servers, in this directory; nothing is installed outside it.
# Options for the program behind a target go in ARGS: make demo ARGS="--duration 60"
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

ARGS ?=
bin := .venv/bin
pip := $(bin)/python -m pip install --quiet --constraint constraints.txt

.PHONY: help demo test lint tests clients format bench lock clean servers environments

help: ## list the targets
	@echo 'usage: make TARGET [ARGS="…"]'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.demo ## run the exporter, Prometheus and live traffic of a small agent; end with Ctrl-C
	@command -v prometheus >/dev/null || scripts/servers prometheus-3 alertmanager-0 || true
	@exec $(bin)/llm-exporter demo $(ARGS)

test: ## everything that must hold: lint and tests
	@$(MAKE) --keep-going lint tests

lint: .venv/.dev ## style, types, import contracts
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports

tests: .venv/.dev servers environments ## the tests alone, such as ARGS="-k pricing"
	$(bin)/pytest -n 2 $(ARGS)

clients: .venv/.dev environments ## only the tests with real SDKs, such as ARGS="-k langfuse"
	$(bin)/pytest -n 2 -m clients $(ARGS) tests/clients

format: .venv/.dev ## let ruff put the code in order
	$(bin)/ruff check --fix
	$(bin)/ruff format

bench: .venv/.dev ## measure: spans a second, time and size of a scrape, memory
	$(bin)/python -m bench $(ARGS)

lock: ## write constraints.txt anew, with the newest versions that pyproject.toml allows
	scripts/lock

clean: ## remove everything that these targets made
	rm -rf .venv .servers .clients .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Tests that need a server which cannot be had are skipped, and pytest says so.
servers:
	@scripts/servers || true

# The same for the environments of real SDKs; in CI those tests fail instead.
environments:
	@scripts/clients || true

.venv/bin/python:
	@scripts/venv .venv

.venv/.demo: pyproject.toml constraints.txt | .venv/bin/python
	@echo 'installing the exporter and what the demo needs into .venv (a minute or two)'
	@$(pip) --editable '.[demo]'
	@touch $@

.venv/.dev: .venv/.demo
	@echo 'installing the tools of development into .venv'
	@$(pip) --editable '.[judge]' --group dev
	@touch $@
