# phusong: the commands of the house. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo

.DEFAULT_GOAL := help
.PHONY: demo test lint types bench bench-radio bench-access bench-rules serve clean help

demo: $(VENV)/.ready-run  ## Sample province from layers to map, gaps and investment list, in $(DEMO)/
	@$(BIN)/phusong sample $(DEMO) --refresh
	@$(BIN)/phusong run $(DEMO)

test: $(VENV)/.ready-test  ## All tests, a worker a core; the browser tests run where Chromium is installed
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.ready-dev  ## Style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev  ## Types, strictly; the rooms are linked under the names they are imported by
	@mkdir -p build/types/phusong
	@for room in api coverage layers maps; do ln -sfn ../../../$$room build/types/phusong/$$room; done
	$(BIN)/mypy

bench: bench-radio bench-access bench-rules  ## Times of the main job, of the radio, access and rules parts, against a calibration loop
	$(BIN)/python tests/bench/bench_pipeline.py

bench-radio: $(VENV)/.ready-test  ## Times of the radio engine alone, beside other programs where they are installed
	$(BIN)/python tests/bench/bench_radio.py

bench-access: $(VENV)/.ready-bench  ## Times of travel time, catchments and sums over units, beside other programs
	$(BIN)/python tests/bench/bench_access.py

bench-rules: $(VENV)/.ready-test  ## Times of rules, classes, gaps and 1,000 draws of the order for all communes of the country
	$(BIN)/python tests/bench/bench_rules.py

serve: demo  ## Map, lists and API of the demo on http://127.0.0.1:8000
	$(BIN)/phusong serve $(DEMO)

clean:  ## Remove the environment, the demo and everything built
	rm -rf $(VENV) $(DEMO) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find api coverage layers maps tests -name __pycache__ -prune -exec rm -rf {} +

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready-%: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "phusong needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Preparing the environment in $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(extras_$*)'
	@touch $@

extras_run  :=
extras_test := [test]
extras_bench := [bench]
extras_dev  := [dev]
