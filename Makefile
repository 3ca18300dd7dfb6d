# make demo   combs a messy drive before your eyes   (make demo DRIVE=~/Drive combs your own)
# make test   runs the tests
# Both set up everything they need in .venv first; Python 3.11 or newer and make are all it takes.

PYTHON ?= $(firstword $(foreach python,python3.11 python3.12 python3.13 python3.14 python3,\
	$(if $(shell $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(python))))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := .demo

# Where Python may not keep what it compiles, each of our commands compiles itself anew: 0.1 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-deep lint format docs bench lock clean

help:
	@echo 'make demo       comb a messy drive before your eyes (DRIVE=PATH: your own, read-only)'
	@echo 'make test       run the tests'
	@echo 'make test-deep  run the long campaigns too'
	@echo 'make lint       check style, types and that the README is true'
	@echo 'make docs       write the command reference in the README anew'
	@echo 'make bench      time everything beside its peers'
	@echo 'make clean      remove all that make has made'

setup: $(READY)

$(READY): .ci/requirements.txt pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; name it with PYTHON=...'; exit 1; }
	@echo 'Setting up $(VENV) with $(PYTHON) ...'
	@$(PYTHON) -m venv $(VENV) || { echo 'Python lacks venv; on Debian: apt install python3-venv'; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: setup
ifdef DRIVE
	@drive='$(DRIVE)'; case "$$drive" in '~'|'~/'*) drive=$$HOME$${drive#'~'};; esac; \
		GORILLACOMB_VAULT='$(CURDIR)/$(DEMO)/own-vault' $(BIN)/gorillacomb scan "$$drive"
	@echo
	@echo 'Nothing there was changed. To ask on, put what was learned in reach:'
	@echo '  export GORILLACOMB_VAULT="$(CURDIR)/$(DEMO)/own-vault"'
	@echo '  export PATH="$(CURDIR)/$(BIN):$$PATH"'
else
	@BIN='$(BIN)' sh fixtures/demo.sh '$(DEMO)'
endif

# One process more than two cores can feed: tests wait for disks, clocks and the commands they start.
test: setup
	$(BIN)/pytest -m 'not deep' -n 3 --dist loadfile --no-loadscope-reorder

test-deep: setup
	$(BIN)/pytest -n 2 --dist loadfile --hypothesis-profile=deep

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m tests.docs --check README.md

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup
	$(BIN)/python -m tests.docs README.md

bench: setup
	$(BIN)/python -m tests.benchmarks

# Pins every package, with hashes, for Python 3.11 and newer.
lock: setup
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --extra dev \
		--build-deps-for editable --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file .ci/requirements.txt pyproject.toml

clean:
	@if [ -d '$(DEMO)/Drive' ]; then $(BIN)/python -m fixtures --remove '$(DEMO)/Drive'; fi
	rm -rf $(VENV) $(DEMO) .bench .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
