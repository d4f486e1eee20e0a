# The commands of Sundbench. `make` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench hub hub-stop cluster system lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## set up .venv from the locked dependencies

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Sundbench needs Python 3.11: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into .venv (about 1.5 GB)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q sundbench # once: projects' accounts can't write beside the code
	@touch $@

demo: install ## the main job: 50,000 synthetic persons from deliveries to a published report
	@$(BIN)/sundbench --home .demo demo

# More workers than cores, since many tests wait (tests/scheduling.py): more threads would only get in each other's way.
test: export OPENBLAS_NUM_THREADS = 1
test: install system check ## all checks and the whole test suite
	@$(BIN)/python -m pytest -n 4

check: install ## lint, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

system: ## what the tests need from Debian: PostgreSQL, Slurm, Chromium, R, git, promtool, a SAS file
	@sh tests/system-packages.sh

bench: install ## side-by-side measurements against peers (tens of minutes, 20 GB of disk)
	@$(BIN)/python -m benchmarks

hub: install ## the whole platform on this machine, with invented persons and people of every role
	@$(BIN)/sundbench --home .hub hub demonstration

hub-stop: ## stop it: servers, hub and all
	@$(BIN)/sundbench --home .hub hub stop

cluster: install system ## the same on a small Slurm cluster on this machine, until Ctrl-C (root)
	@$(BIN)/sundbench --home .cluster hub demonstration --on slurm

lock: ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --extra hub --extra dev --generate-hashes --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 -o requirements.lock

clean: ## remove .venv, the demo and the hub's demonstrations
	@for home in .hub .cluster; do [ ! -d $$home ] || $(BIN)/sundbench --home $$home hub stop; done
	@chmod -R u+w .demo .hub .cluster 2>/dev/null || true
	rm -rf .venv .demo .hub .cluster
