# make demo   combs a messy drive before your eyes   (make demo DRIVE=~/Drive combs your own)
# make test   runs the tests
# Both set up everything they need in .venv first; Python 3.11 or newer and make are all it takes.

PYTHON ?= $(firstword $(foreach python,python3.11 python3.12 python3.13 python3.14 python3,\
	$(if $(shell $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(python))))
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo

# Where Python may not keep what it compiles, each of our commands compiles itself anew: 0.1 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup dev node demo demo-web test test-deep lint format docs bench lock clean

help:
	@echo 'make demo       comb a messy drive before your eyes (DRIVE=PATH: your own, read-only)'
	@echo 'make demo-web   clean that drive in the browser'
	@echo 'make test       run the tests'
	@echo 'make test-deep  run the long campaigns too'
	@echo 'make lint       check style, types, words and that the README is true'
	@echo 'make docs       write the JSON topic and the samples of README and API again'
	@echo 'make bench      time everything beside its peers'
	@echo 'make lock       pin the packages of .ci/ again (UPGRADE=1: the newest)'
	@echo 'make clean      remove all that make has made'

# What the program needs; "dev" adds what its tests need. Each is done once, then looked at in no time.
setup dev:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; name it with PYTHON=...'; exit 1; }
	@$(PYTHON) .ci/install.py $(if $(filter dev,$@),development,run-time)

# What checks the scripts of the pages and, as another implementation, the tokens.
NODE := .ci/node/node_modules/.package-lock.json
node:
	@if command -v npm >/dev/null; then $(MAKE) -s $(NODE) || \
		echo 'MISSING: what npm installs, to check scripts and tokens with'; \
	else echo 'MISSING: npm, to check the types of the scripts, and tokens with jose'; fi

$(NODE): .ci/node/package-lock.json
	@npm ci --prefix .ci/node --silent --no-audit --no-fund && touch $@

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

# The same drive in a browser, to clean it there; Ctrl-C ends the server.
demo-web: dev
	@BIN='$(BIN)' sh fixtures/demo.sh '$(DEMO)' web

# One process more than two cores can feed: tests wait for disks, clocks and the commands they start.
test: dev node
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

test-deep: dev node
	$(BIN)/pytest -m 'deep or not deep' -n 2 --dist loadfile --hypothesis-profile=deep
	$(BIN)/python -m tests.darwin.suite

lint: dev node
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m tests.support.vocabulary
	$(BIN)/python -m tests.support.json_topic --check gorillacomb/docs/json.md
	$(BIN)/python -m tests.support.readme --check README.md
	@if command -v npm >/dev/null; then .ci/node/node_modules/.bin/tsc -p .ci/node; fi

format: dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: dev
	$(BIN)/python -m tests.support.json_topic gorillacomb/docs/json.md
	$(BIN)/python -m tests.support.readme README.md
	$(BIN)/python -m tests.support.api_examples gorillacomb/web/examples.json

bench: dev
	$(BIN)/python -m tests.benchmarks

# Pins every package, with hashes, for Python 3.11 and newer; UPGRADE=1 moves to the newest releases.
LOCK := .cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock:
	@$(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(LOCK) pyproject.toml --group build --output-file .ci/run-time.txt >/dev/null
	@$(LOCK) pyproject.toml --group dev --extra all --output-file .ci/development.txt >/dev/null
	@$(LOCK) --no-deps --group from-source --output-file .ci/from-source.txt >/dev/null
	@$(MAKE) -s dev && $(BIN)/python -m tests.setup.wheel_names tests/setup/wheels.txt

clean:
	@if [ -d '$(DEMO)/Drive' ]; then $(BIN)/python -m fixtures --remove '$(DEMO)/Drive'; fi
	rm -rf $(VENV) $(DEMO) .bench .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .ci/node/node_modules dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
