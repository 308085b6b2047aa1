# `make` lists what there is to make. PYTHON=/path/to/python chooses the Python of .venv.

SHELL := /bin/sh
VENV := .venv
PIP := $(VENV)/bin/python -m pip -qq --disable-pip-version-check --no-input
PYTHON ?=
WORKERS ?= 2
ARGS ?=

# For what the recipes start: DVC runs the stages with the Python of VIRTUAL_ENV.
OUTER_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export DVC_NO_ANALYTICS := 1
unexport PYTHONHOME
unexport PYTHONPATH

# A virtual environment knows its own place and its Python: moved, copied, or with that Python gone, it is made again.
# Without pip's script there is none, or a half-made one.
SOUND := $(shell grep -qsF '$(CURDIR)/$(VENV)/bin/python' $(VENV)/bin/pip && $(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes)

# Where a virtual environment is active, the Python it was made with.
FIND_BASE := import sys; print(sys._base_executable or sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)

.DEFAULT_GOAL := help
.PHONY: help run test test-slow bench pictures lint format smoke constraints clean FORCE

help:
	@echo 'make run          install, run the pipeline with DVC, print the metrics'
	@echo 'make smoke        the same on a small sample, in .smoke, in seconds'
	@echo 'make test         quick tests, with the coverage of gitml'
	@echo 'make test-slow    tests on the whole data set, and those that kill commands'
	@echo 'make lint         ruff, mypy, import-linter'
	@echo 'make format       let ruff rewrite what it can'
	@echo 'make bench        time and memory, measured here'
	@echo 'make pictures     draw the pictures of the README from the last run'
	@echo 'make constraints  renew constraints.txt and constraints-dev.txt'
	@echo 'make clean        remove .venv, .smoke and caches; results and data stay'

run: $(VENV)/.pipeline
	$(VENV)/bin/dvc repro
	@$(VENV)/bin/python -m stages.summary

smoke: $(VENV)/.pipeline
	@$(VENV)/bin/python -m stages.presets smoke .smoke
	cd .smoke && "$(VIRTUAL_ENV)/bin/dvc" repro
	@cd .smoke && "$(VIRTUAL_ENV)/bin/python" -m stages.summary

test: $(VENV)/.dev
	@$(VENV)/bin/python -m pytest -m 'not slow' -n $(WORKERS) --dist loadfile --cov --cov-report=term $(ARGS)

test-slow: $(VENV)/.dev
	@$(VENV)/bin/python -m pytest -m slow --timeout 1200 -n $(WORKERS) --dist loadfile tests/gitml $(ARGS)
	@$(VENV)/bin/python -m pytest -m slow --timeout 1200 --ignore tests/gitml $(ARGS)

pictures: $(VENV)/.dev
	$(VENV)/bin/python docs/pictures.py

bench: $(VENV)/.dev
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports,dev,bench]'
	@for script in $$(grep -l '^def main(' benchmarks/*.py); do \
	    echo "== $$script"; $(VENV)/bin/python -m "benchmarks.$$(basename "$$script" .py)" || exit 1; done

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/ruff format --quiet --check .
	$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --quiet --fix . ; $(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) .smoke .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Installing. Each step leaves a stamp, so that it is done again only when what it read has changed.

$(VENV)/.made: $(if $(SOUND),,FORCE)
	@if [ -z '$(SOUND)' ]; then \
	    for python in $(if $(PYTHON),'$(PYTHON)',python3 python3.14 python3.13 python3.12 python3.11 python); do \
	        found=$$(PATH='$(OUTER_PATH)' "$$python" -c '$(FIND_BASE)' 2>/dev/null) && break; \
	        found=; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo 'No Python 3.11 or newer $(if $(PYTHON),is $(PYTHON),in PATH). Install one, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; \
	    fi; \
	    if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	        echo "$$found cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; \
	    fi; \
	    echo "making $(VENV) with $$("$$found" --version)" >&2; \
	    rm -rf $(VENV) && "$$found" -m venv $(VENV); \
	fi
	@touch $@

$(VENV)/.pipeline: $(VENV)/.made pyproject.toml constraints.txt constraints-dev.txt
	@echo 'installing gitml and its pipeline: the first time 2 to 5 minutes, and 2 GB on disk' >&2
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports]'
	@touch $@

$(VENV)/.dev: $(VENV)/.pipeline constraints-dev.txt
	@echo 'installing the test tools: the first time half a minute' >&2
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports,dev]'
	@touch $@

# In a fresh environment, so that nothing stays which nobody needs; the comments at the heads are kept.
NEW := $(VENV)/new
FROZEN := $(NEW)/bin/python -m pip freeze --all --exclude pip --exclude gitml | sed 's/+.*//'

constraints: $(VENV)/.made
	@rm -rf $(NEW) && $(VENV)/bin/python -m venv $(NEW)
	@echo 'installing the newest versions that fit, twice: some minutes' >&2
	@$(NEW)/bin/python -m pip -qq --disable-pip-version-check install '.[pipeline,reports]'
	@{ sed -n '/^#/p' constraints.txt; $(FROZEN); } > $(NEW)/run.txt
	@$(NEW)/bin/python -m pip -qq --disable-pip-version-check install -c $(NEW)/run.txt '.[pipeline,reports,dev,bench]'
	@{ sed -n '/^#/p' constraints-dev.txt; $(FROZEN) | grep -vxFf $(NEW)/run.txt; } > $(NEW)/dev.txt
	@mv $(NEW)/run.txt constraints.txt && mv $(NEW)/dev.txt constraints-dev.txt && rm -rf $(NEW)
	@git --no-pager diff --stat -- constraints.txt constraints-dev.txt

FORCE:
