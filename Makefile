# Needs make and Python 3.11 or newer with venv, nothing else. Everything is installed into .venv from requirements.lock.

# The first interpreter found that is new enough; choose another one with `make PYTHON=/path/to/python test`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# Written when the environment is complete. An environment without it was not made here and is made anew.
STAMP := $(VENV)/.installed

STUDY ?= studies/first_case.yaml
RESULTS ?= results/$(basename $(notdir $(STUDY)))
WORKERS ?= -n auto --maxprocesses 4 --dist loadfile
PYTEST_OPTIONS ?=
PARTS ?=
STATIC_TESTS := tests/test_house_style.py tests/test_architecture.py $(wildcard tests/test_tables.py)

.DEFAULT_GOAL := help
.PHONY: help bootstrap demo test validate leave-out endurance check static format lock bench bench-gpu pages figures clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

bootstrap: $(STAMP)  ## create .venv with everything in requirements.lock and this package (others do it when needed)

demo: $(STAMP)  ## simulate the first study and write its report to results/first_case
	$(BIN)/insulae run $(STUDY) --out $(RESULTS)

test: $(STAMP)  ## run all tests
	$(BIN)/python -m pytest $(WORKERS) $(PYTEST_OPTIONS)

validate: $(STAMP)  ## simulate the published studies, estimate the discrepancy, judge every number, write docs/validation.md
	$(BIN)/insulae validate --discrepancy src/insulae/tables/discrepancy.csv --credibility docs/validation.md

leave-out: $(STAMP)  ## fit anew without each study that entered a fit and predict it; goes on where it stopped; writes docs/leave_out.md
	$(BIN)/insulae validate --leave-out --credibility docs/leave_out.md

endurance: $(STAMP)  ## kill runs, workers and disks on purpose; about ten minutes
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) -o addopts="--strict-markers --import-mode=importlib" tests/endurance

check: $(STAMP)  ## formatting, lint, types, import contracts and the static tests; about half a minute
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pyright
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory static

static: $(STAMP)
	$(BIN)/python -m pytest -q $(PYTEST_OPTIONS) $(STATIC_TESTS)

format: $(STAMP)  ## put all code into the house format and mend what ruff can mend
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

lock: $(STAMP)  ## pin requirements.lock anew from pyproject.toml
	$(BIN)/python -m uv pip compile pyproject.toml --all-extras --group bootstrap --output-file requirements.lock \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
		--no-header --no-annotate --quiet --upgrade

bench: $(STAMP)  ## measure speed and memory; PARTS="startup scaling --brief" for some, in fewer rounds; writes docs/performance.md
	$(BIN)/python -m benchmarks $(PARTS)

bench-gpu: $(STAMP)  ## time the compiled day on the processor and on a GPU, where JAX sees one
	$(BIN)/python -m benchmarks.gpu
	$(BIN)/python -m benchmarks.page

pages: $(STAMP)  ## write docs/therapies.md anew from the code and the parameter table
	$(BIN)/insulae show therapies --markdown > docs/therapies.md

figures: $(STAMP)  ## simulate the studies of the gallery, draw docs/figures and write docs/gallery.md
	$(BIN)/python -m gallery

clean:  ## remove .venv, results and everything else that was generated
	rm -rf $(VENV) .bench results build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Imported once, so that their bytecode lies in the environment: uv writes none, and where PYTHONDONTWRITEBYTECODE is set
# every start would compile all source again, which takes longer than the start itself.
FIRST_IMPORTS := pandas, llvmlite.binding, insulae.cli.main, insulae.engine.lower, insulae.report.page, insulae.study.load, insulae.study.run

# uv, itself pinned in the lock, installs several times faster than pip; pip takes over where uv finds no packages, for
# example behind a mirror named only in pip's own settings. Both check every hash.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)' || \
		{ echo "Python 3.11 or newer is needed, '$(PYTHON)' is not; try make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
		{ echo "'$(PYTHON)' lacks venv; install it (Debian and Ubuntu: the package python3-venv)" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV); one or two minutes the first time"
	@test -f $(STAMP) || $(PYTHON) -m venv --clear $(VENV)
	@awk '/^[a-zA-Z0-9]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/python -m uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r requirements.lock || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -c "import $(FIRST_IMPORTS)"
	@$(BIN)/python -m compileall -q src/insulae
	@touch $(STAMP)
