# `make help` lists the targets. Each installs what it needs; what already stands is not made again.

PYTHON ?= $(firstword $(foreach p,python3 python3.11 python3.12 python3.13 python3.14,\
	$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/made
CLIENT := viewer/client
NODE_MODULES := $(CLIENT)/node_modules/.package-lock.json
PAGE := viewer/starcyte/static/index.html
NPM := $(BIN)/python viewer/client_npm.py
# As in an activated environment: tests start starcyte, node and npm by name.
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest

PACKAGING := setup.cfg pyproject.toml viewer/build_with_client.py viewer/client_npm.py
# Folders are listed as well, so that a file taken away is noticed.
CLIENT_SOURCES := $(shell find $(CLIENT) -mindepth 1 -name node_modules -prune -o -print)

.PHONY: help demo test check check-server check-client test-galaxy test-galaxy-container bench audit lint types client \
	screenshots docs clean machine
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 30

demo: $(MADE)/starcyte $(PAGE) ## show the demo dataset, printing its address; ARGS="--port 8080" goes to starcyte launch
	@$(BIN)/starcyte launch --demo $(ARGS)

# The tests of one file share servers: a file goes to one worker. Browsers draw with all cores: one at a time.
ifdef ARGS
test: $(MADE)/tests machine
	$(PYTEST) -m "not galaxy" $(ARGS)
else
test: $(MADE)/tests $(PAGE) machine lint client ## run every check and test but those on a real Galaxy; ARGS="tests/unit -k wire" runs those alone
	$(PYTEST) -m "not galaxy" -n auto --maxprocesses 4 --dist loadfile --ignore tests/browser
	$(PYTEST) tests/browser
endif

# Two lanes: one core checks the client while the other tests the server.
check: $(MADE)/tests $(NODE_MODULES) ## check style, types, imports and what is tested quickly: under a minute
	@$(MAKE) --no-print-directory --output-sync=target -j2 check-server check-client

check-server:
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports | grep -v KEPT
	$(PYTEST) -q -m "not slow and not galaxy" tests/unit

check-client:
	$(NPM) run --silent lint
	$(BIN)/python -m starcyte.web.interface | $(NPM) run --silent types -- --check
	$(NPM) run --silent test -- --changed --reporter=dot

test-galaxy: $(MADE)/tests $(PAGE) machine ## run the tests on a real Galaxy, which they install
	$(PYTEST) -m galaxy $(ARGS) tests/galaxy

test-galaxy-container: $(MADE)/tests $(PAGE) machine ## the same, with the tools in the image that Dockerfile describes, by podman
	$(PYTEST) -m galaxy --container $(ARGS) tests/galaxy

bench: $(MADE)/starcyte ## measure starcyte beside its peers, which it installs; ARGS="--sizes small" does it quickly
	@command -v wrk >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
		apt-get install -qq -y --no-install-recommends wrk; } || \
		echo "wrk is not installed: threads of Python are the clients, and slow the servers down" >&2
	$(BIN)/python -m benchmarks.run $(ARGS)

lint: $(MADE)/tests $(NODE_MODULES) ## check the Python sources' style and types, and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	MYPYPATH=viewer $(BIN)/mypy viewer/build_with_client.py viewer/client_npm.py
	$(BIN)/lint-imports
	$(NPM) run lint
	$(BIN)/python -m starcyte.web.interface | $(NPM) run types -- --check

# Apart from the tests: what is known of others' code is asked of hosts that are not reached from everywhere. Of bandit,
# B104 and B608 are left to ruff (S104, S608), which has each place looked at once.
audit: $(MADE)/starcyte ## look for what is known to be unsafe: bandit, pip-audit, npm audit
	$(BIN)/python -m pip install --quiet bandit pip-audit
	$(BIN)/bandit --quiet --recursive --severity-level medium --skip B104,B608 viewer/starcyte tool/starcyte_galaxy
	$(BIN)/pip-audit --local --skip-editable
	cd $(CLIENT) && npm audit

types: $(MADE)/tests $(NODE_MODULES) ## generate the client's types of requests and answers from the server's structs
	$(BIN)/python -m starcyte.web.interface | $(NPM) run types

client: $(PAGE) ## check, test and build the client
	$(NPM) run check
	$(NPM) test

screenshots: $(MADE)/tests $(PAGE) machine ## take the pictures of README and help anew, from the demo dataset
	$(BIN)/python docs/screenshots.py

docs: $(MADE)/docs $(PAGE) ## build the documentation into build/docs; warnings are errors, and no network is needed
	$(BIN)/python -m sphinx -W --keep-going --fresh-env --builder html docs build/docs

clean: ## remove all that make has made
	rm -rf $(VENV) $(CLIENT)/node_modules $(dir $(PAGE)) tool/starcyte_galaxy/visualization build *.egg-info

$(MADE)/python:
	@test -n "$(PYTHON)" || { echo "starcyte needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	mkdir -p $(MADE)
	touch $@

# No requirements: the machine has its own node.
$(MADE)/node: $(MADE)/python viewer/client_npm.py
	needed=$$($(NPM) --requirements) && if test -n "$$needed"; then \
		$(BIN)/python -m pip install --quiet "$$needed" && $(NPM) --link $(BIN); fi
	touch $@

$(NODE_MODULES): $(CLIENT)/package.json $(CLIENT)/package-lock.json | $(MADE)/node
	$(NPM) ci
	touch $@

$(PAGE): $(NODE_MODULES) $(CLIENT_SOURCES) | $(MADE)/node
	$(NPM) run build
	touch $@

# Installed after the page, which the installation would else build once more.
$(MADE)/starcyte: $(MADE)/python $(PACKAGING) | $(PAGE)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(MADE)/tests: $(MADE)/python $(PACKAGING) | $(PAGE)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(MADE)/starcyte

$(MADE)/docs: $(MADE)/python $(PACKAGING) | $(PAGE)
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@ $(MADE)/starcyte

# Chromium shows the page to the browser tests, nginx stands before the viewer in some; Galaxy's proxy compiles a part
# of itself when the tests install it. R, with edgeR and limma, checks comparisons over samples; without it those tests
# are skipped.
machine:
	@missing=; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		missing="chromium fonts-dejavu-core"; \
	command -v c++ >/dev/null || missing="$$missing g++"; \
	command -v nginx >/dev/null || missing="$$missing nginx-light"; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null && ! command -v Rscript >/dev/null; then \
		missing="$$missing r-bioc-edger"; fi; \
	if test -z "$$missing"; then :; \
	elif test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo "Installing what the tests need: $$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
	else \
		echo "The tests need these Debian packages or their like: $$missing. Install them and run make again." >&2; exit 1; \
	fi
