# The virtual environment: made where it is not there, and again where it was moved or its Python is gone.
# PYTHON=/path/to/python chooses the Python it is made with. VENV=/path/to/environment uses one of your own as it is.

SHELL := /bin/sh
VENV := .venv
PYTHON ?=

OWN := $(filter .venv,$(VENV))
ENVIRONMENT := $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))
PIP := "$(ENVIRONMENT)/bin/python" -m pip -qq --disable-pip-version-check --no-input

# For what the recipes start: DVC runs the stages with the Python of VIRTUAL_ENV.
export OUTER_PATH := $(PATH)
export PATH := $(ENVIRONMENT)/bin:$(PATH)
export VIRTUAL_ENV := $(ENVIRONMENT)
export DVC_NO_ANALYTICS := 1
unexport PYTHONHOME
unexport PYTHONPATH

# A virtual environment knows its own place: without pip's script there is none, or a half-made one.
IS_HERE := $(if $(OWN),grep -qsF "$$(pwd)/.venv/bin/python" .venv/bin/pip &&)
SOUND := $(shell $(IS_HERE) "$(ENVIRONMENT)/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes)

# Where a virtual environment is active, the Python it was made with.
FIND_BASE := import sys; print(sys._base_executable or sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)

.venv/.made: $(if $(SOUND),,FORCE)
	@if [ -z '$(OWN)$(SOUND)' ]; then \
	    echo '$(VENV) is no environment with Python 3.11 or newer. Without VENV= one is made in .venv.' >&2; exit 1; \
	fi
	@if [ -z '$(SOUND)' ]; then \
	    for python in $(if $(PYTHON),'$(PYTHON)',python3 python3.14 python3.13 python3.12 python3.11 python); do \
	        found=$$(PATH="$$OUTER_PATH" "$$python" -c '$(FIND_BASE)' 2>/dev/null) && break; \
	        found=; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo 'No Python 3.11 or newer $(if $(PYTHON),is $(PYTHON),in PATH). Install one, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; \
	    fi; \
	    if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	        echo "$$found cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; \
	    fi; \
	    echo "making .venv with $$("$$found" --version)" >&2; \
	    rm -rf .venv && "$$found" -m venv .venv; \
	fi
	@mkdir -p .venv && touch $@

FORCE:
