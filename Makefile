# `make` lists what there is to make. PYTHON=/path/to/python chooses the Python of .venv.

include gitml/scaffold/project/environment.mk

WORKERS ?= 2
ARGS ?=

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

run: .venv/.pipeline
	.venv/bin/dvc repro
	@.venv/bin/python -m stages.summary

smoke: .venv/.pipeline
	@.venv/bin/python -m stages.presets smoke .smoke
	cd .smoke && "$(VIRTUAL_ENV)/bin/dvc" repro
	@cd .smoke && "$(VIRTUAL_ENV)/bin/python" -m stages.summary

test: .venv/.dev
	@.venv/bin/python -m pytest -m 'not slow' -n $(WORKERS) --dist loadfile --cov --cov-report=term $(ARGS)

test-slow: .venv/.dev
	@.venv/bin/python -m pytest -m slow --timeout 1200 -n $(WORKERS) --dist loadfile tests/gitml $(ARGS)
	@.venv/bin/python -m pytest -m slow --timeout 1200 -n $(WORKERS) --dist loadfile --ignore tests/gitml $(ARGS)

pictures: .venv/.dev
	.venv/bin/python docs/pictures.py

bench: .venv/.dev
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports,dev,bench]'
	@for script in $$(grep -l '^def main(' benchmarks/*.py); do \
	    echo "== $$script"; .venv/bin/python -m "benchmarks.$$(basename "$$script" .py)" || exit 1; done

lint: .venv/.dev
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --quiet --check .
	.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo

format: .venv/.dev
	.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format .

clean:
	rm -rf .venv .smoke .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Installing. Each step leaves a stamp, so that it is done again only when what it read has changed.

.venv/.pipeline: .venv/.made pyproject.toml constraints.txt constraints-dev.txt
	@echo 'installing gitml and its pipeline: the first time 2 to 5 minutes, and 2 GB on disk' >&2
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports]'
	@touch $@

.venv/.dev: .venv/.pipeline constraints-dev.txt
	@echo 'installing the test tools: the first time half a minute' >&2
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -e '.[pipeline,reports,dev]'
	@touch $@

# In a fresh environment, so that nothing stays which nobody needs; the comments at the heads are kept.
NEW := .venv/new
FROZEN := $(NEW)/bin/python -m pip freeze --all --exclude pip --exclude gitml | sed 's/+.*//'

constraints: .venv/.made
	@rm -rf $(NEW) && .venv/bin/python -m venv $(NEW)
	@echo 'installing the newest versions that fit, twice: some minutes' >&2
	@$(NEW)/bin/python -m pip -qq --disable-pip-version-check install '.[pipeline,reports]'
	@{ sed -n '/^#/p' constraints.txt; $(FROZEN); } > $(NEW)/run.txt
	@$(NEW)/bin/python -m pip -qq --disable-pip-version-check install -c $(NEW)/run.txt '.[pipeline,reports,dev,bench]'
	@{ sed -n '/^#/p' constraints-dev.txt; $(FROZEN) | grep -vxFf $(NEW)/run.txt; } > $(NEW)/dev.txt
	@mv $(NEW)/run.txt constraints.txt && mv $(NEW)/dev.txt constraints-dev.txt && rm -rf $(NEW)
	@git --no-pager diff --stat -- constraints.txt constraints-dev.txt
