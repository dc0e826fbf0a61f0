# Everything sets itself up from a clean checkout: Python 3.11 or newer with venv, and make, are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
VENDOR := mes/web/static/vendor
HTMX := web-assets/node_modules/htmx.org
UPLOT := web-assets/node_modules/uplot
APT := apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends

# The machine's npm and node, or else those of a wheel.
export PATH := $(PATH):$(CURDIR)/$(BIN)
ifeq ($(shell command -v npm),)
NODE := $(VENV)/node.stamp
endif

.PHONY: demo test check bench lock browser proxy clean
.DELETE_ON_ERROR:

demo: $(VENV)/runtime.stamp $(VENDOR)/stamp ## The demonstration centre: make demo ARGS="--speed 120"
	@exec $(BIN)/mes demo $(ARGS)

# Modules are compiled once, not again by each of the hundred programs that tests start.
test: $(VENV)/dev.stamp $(VENDOR)/stamp tests/node/node_modules/stamp browser proxy ## Every test, in three processes: two processors wait for nothing
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev.stamp ## Lint, types, import contracts, migrations equal models, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py -k "not tutorial"

bench: $(VENV)/dev.stamp ## Every benchmark, beside its calibration
	@exec $(BIN)/python -m bench $(ARGS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Interposer runs on …"
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/runtime.stamp
	@echo "Installing what its tests and checks need …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/node.stamp: requirements/node.txt | $(VENV)/bin/python
	@echo "Installing node …"
	@$(PIP) install --require-hashes -r requirements/node.txt
	@touch $@

$(VENDOR)/stamp: web-assets/package-lock.json $(NODE)
	@echo "Fetching what the pages load …"
	@cd web-assets && npm ci --silent --ignore-scripts --no-audit --no-fund
	@mkdir -p $(VENDOR)
	@cp $(HTMX)/dist/htmx.min.js $(HTMX)/dist/ext/hx-sse.min.js $(UPLOT)/dist/uPlot.iife.min.js $(UPLOT)/dist/uPlot.min.css $(VENDOR)
	@cp $(HTMX)/LICENSE $(VENDOR)/htmx.LICENSE
	@cp $(UPLOT)/LICENSE $(VENDOR)/uPlot.LICENSE
	@touch $@

tests/node/node_modules/stamp: tests/node/package-lock.json $(NODE)
	@echo "Fetching the independent OPC UA client and the rules of accessibility …"
	@cd tests/node && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Chromium without a window, which takes half the CPU; where there is none to be had, any Chromium.
browser: $(VENV)/dev.stamp
	@command -v chromium-headless-shell >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then echo "Installing a browser for the tests of the pages …"; \
	for name in chromium-headless-shell chromium; do $(APT) $$name >/dev/null 2>&1 && exit 0; done; fi; \
	for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	$(BIN)/playwright install chromium

# The proxy that a test stands before the server; at run level 1 the package starts none of its own.
proxy:
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then echo "Installing nginx for the test of the proxy …"; \
	export RUNLEVEL=1; $(APT) nginx-light >/dev/null; fi

# Takes the newest versions that pyproject.toml allows. Needs uv; `uv.lock` stays out of the repository.
UV_EXPORT := uv export -q --no-header --no-emit-project --no-annotate
lock:
	uv lock --upgrade
	$(UV_EXPORT) --no-dev --group build > requirements/runtime.txt
	$(UV_EXPORT) --group build --all-extras > requirements/dev.txt
	$(UV_EXPORT) --only-group node > requirements/node.txt

clean: ## Everything that make made, not the data of the demonstration
	rm -rf $(VENV) $(VENDOR) web-assets/node_modules tests/node/node_modules build *.egg-info
