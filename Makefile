# `make demo` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Tests mostly wait, so more processes than cores; 0 = one process, for looking into one of them. In the order of the
# files, or those with one long test would come last and alone.
TEST_PROCESSES ?= 4

.PHONY: install demo test test-all check lock bench figures clean

install: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "CommandCenter needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib agents app bot charts connectors energy jobs services simulator store
	touch $(STAMP)

demo: install
	$(BIN)/commandcenter demo

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder -m "not slow and not judge"

# Long tests, and the judges: clients that we did not write, each in an environment of its own.
test-all: test
	$(BIN)/python -m pytest -m "slow or judge"

bench: install
	$(BIN)/python -m benchmarks

# The figures of forecasts, ageing and plans on the homes of the folder CC_DATA; an hour on two cores.
figures: install
	$(BIN)/python -m benchmarks.forecast_bench
	$(BIN)/python -m benchmarks.plan_bench

# Locks by name, version and hash; needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header -q --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
