# The commands of a clone. Each but `clean` and `help` first installs what it misses: nothing needs doing before.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-ssh demo-vm test test-all check bench dist docs docs-update clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what a fresh machine misses: system packages, .venv, cue. Nothing to do takes no time.
	@scripts/setup

demo: setup ## Shows plan, apply, drift and destroy on a throwaway host (as root) or a directory.
	@exec .venv/bin/python demo/demo.py

demo-ssh: setup ## Shows the same on three hosts of three releases over SSH (as root).
	@exec .venv/bin/python demo/demo.py ssh

demo-vm: setup ## Shows it on two virtual machines that it makes, boots, fills and takes away. Needs no root.
	@exec .venv/bin/python demo/demo.py vm

test: setup ## Runs the tests; lists what was skipped and why.
	@exec scripts/test

test-all: setup ## Runs the tests with their full matrices.
	@AIVP_TEST_ALL=1 scripts/test

check: setup ## Lints, checks formatting, types (providers as Python 3.9, too) and imports.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy --python-version 3.9 providers/*/aivp_*
	.venv/bin/lint-imports --no-logo

bench: setup ## Measures against terraform, pyinfra, Ansible and floors, in an hour or less; BENCH=--quick takes eight minutes.
	@exec .venv/bin/python -m bench $(BENCH)

dist: setup ## Builds what people install into dist/: wheels, source archives, SBOM, digests. The same commit gives the same bytes.
	@exec .venv/bin/python -m packages

docs: setup ## Builds the documents into build/docs, strictly; lists the links that lead out.
	@scripts/docs

docs-update: setup ## Writes into the documents what commands really print, and the reference that is made from code.
	.venv/bin/python -m docs.site
	AIVP_UPDATE_GOLDEN=1 scripts/test -q tests/docs tests/e2e/examples/test_readme.py

clean: ## Removes what setup and the tools made; never .aivp, which is somebody's state.
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
