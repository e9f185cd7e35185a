# Every command of this project. `make` or `make help` lists them.
# The environment is made in .venv by the first target that needs it; nothing else has to be typed.

MAKEFLAGS += --no-print-directory
PYTHON := .venv/bin/python
BACKEND ?= valkey
# What users are promised, which takes as long as all other tests together.
PROMISES := tests/rules tests/integration examples
COMPILER := $(PYTHON) -m glidemq_pb.backends.valkey.compiler
# pyright asks the index for a newer release of itself, which no run of ours should depend on.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-proofs test-promises test-deep check lint format types-mypy types-pyright generate verify lua explain bench bench-full clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## make or update .venv (every target does this by itself)
	@sh tools/bootstrap.sh

demo: venv ## hash the standard library with a queue on a private Valkey (BACKEND=memory: in virtual time)
	@$(PYTHON) -m demo --backend $(BACKEND)

test: check ## everything that must hold before a change lands: in two halves at once, each shown when it has ended
	@$(MAKE) -j2 --output-sync=target test-proofs test-promises

test-proofs: venv
	@$(PYTHON) -m coverage run -m pytest $(addprefix --ignore=,$(PROMISES))

test-promises: venv
	@$(PYTHON) -m pytest $(PROMISES)

test-deep: check ## the same with the full number of examples, steps and histories: hours
	@GLIDEMQ_DEEP=1 $(PYTHON) -m coverage run -m pytest --timeout=14400

check: venv ## lint, format, types, generated files; no test
	@$(MAKE) -j2 --output-sync=target lint types-mypy types-pyright verify

lint: venv
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types-mypy: venv
	@$(PYTHON) -m mypy

types-pyright: venv
	@$(PYTHON) -m pyright --pythonpath $(PYTHON)

format: venv ## rewrite the files as ruff wants them
	@$(PYTHON) -m ruff check --fix-only .
	@$(PYTHON) -m ruff format .

generate: venv ## compile glidemq_pb/semantics to the committed Lua library, write docs/subset.md and glidemq_pb/sync
	@$(COMPILER) build
	@$(COMPILER) subset
	@$(PYTHON) -m tools.sync_face build

verify: venv ## fail when the committed Lua library, or glidemq_pb/sync, is not what would be generated
	@$(COMPILER) verify
	@$(PYTHON) -m tools.sync_face verify

lua: venv ## Python and Lua of one operation, side by side: make lua NAME=jobs.enqueue
	@$(COMPILER) lua $(NAME)

explain: venv ## one rule of the compiler, with a rejected and an accepted program: make explain N=GMQ204
	@$(COMPILER) explain $(N)

bench: venv ## us beside BullMQ (Node), SAQ and taskiq, the short version; nothing of it is asserted
	@$(PYTHON) -m benchmarks.memory --short --rounds 3
	@$(PYTHON) -m benchmarks.floor --short
	@$(PYTHON) -m benchmarks.compare --short

bench-full: venv ## every peer, the scale curves, and one question each: an hour; goes on where it was interrupted
	@$(PYTHON) -m benchmarks.memory
	@$(PYTHON) -m benchmarks.floor
	@$(PYTHON) -m benchmarks.scale
	@$(PYTHON) -m benchmarks.compare
	@for name in administration blocked delayed limited; do \
		echo "== $$name"; $(PYTHON) -m benchmarks.$$name || exit 1; done

clean: ## remove the environment and all caches
	@rm -rf .venv .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build dist
