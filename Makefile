# `make` lists the targets and the settings.

PYTHON ?= python3
CORES ?= all
CONFIG ?= config/config.yaml

ACTIVATE := . .venv/bin/activate &&
PYTEST := pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# The environment is what the lock file says, whatever else is on the search path.
unexport PYTHONHOME PYTHONPATH

# A Python environment does not survive a move: `ready` holds the place it was built for.
ifneq ($(file < .venv/ready),$(CURDIR))
.PHONY: .venv/ready
endif

ifneq ($(wildcard .venv-nest/ready),)
export EPROP_BENCH_NEST_PYTHON ?= $(CURDIR)/.venv-nest/bin/python
endif

.PHONY: help env figures test test-unit test-lowest coverage nest lock clean python

help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'Settings: CORES=$(CORES) CONFIG=$(CONFIG) PYTHON=$(PYTHON), for instance: make figures CORES=2'

figures: env ## make all figures, tables and the report
	$(ACTIVATE) snakemake --cores $(CORES) --configfile "$(CONFIG)"

test: env ## check style, types, workflow and run all tests
	$(ACTIVATE) ruff check .
	$(ACTIVATE) ruff format --check .
	$(ACTIVATE) mypy
	$(ACTIVATE) lint-imports
	$(ACTIVATE) snakefmt --check Snakefile workflow
	$(ACTIVATE) snakemake --lint
	$(ACTIVATE) $(PYTEST)

test-unit: env ## run the unit tests: under a minute, once the simulator is compiled
	$(ACTIVATE) pytest -m unit

test-lowest: .venv-lowest/ready ## run the tests with the lowest versions that pyproject.toml allows
	. .venv-lowest/bin/activate && $(PYTEST) -m 'not slurm'

coverage: env ## measure what the unit tests cover, without the compiler
	$(ACTIVATE) NUMBA_DISABLE_JIT=1 coverage run -m pytest -m unit
	$(ACTIVATE) coverage report

env: .venv/ready ## build the environment .venv from the lock file

# `ready` is written last: an interrupted build does not count and is made anew.
.venv/ready: envs/requirements.lock pyproject.toml | python
	rm -rf .venv
	"$(PYTHON)" -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --use-pep517 --require-hashes -r envs/requirements.lock
	.venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@printf '%s' "$(CURDIR)" > $@

.venv-lowest/ready: pyproject.toml | python
	rm -rf .venv-lowest
	"$(PYTHON)" -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check uv
	.venv-lowest/bin/uv pip compile pyproject.toml --extra suite --group dev --python .venv-lowest/bin/python \
	--resolution lowest-direct --quiet --output-file .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check -r .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

nest: .venv-nest/ready ## build .venv-nest, with which the tests compare to the real NEST

.venv-nest/ready: envs/nest.txt | python
	rm -rf .venv-nest
	"$(PYTHON)" -m venv .venv-nest
	.venv-nest/bin/python -m pip install --disable-pip-version-check -r envs/nest.txt
	@touch $@

python:
	@command -v "$(PYTHON)" > /dev/null || \
	{ echo 'make: no program $(PYTHON); choose a Python of 3.11 or newer with PYTHON=' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed, $(PYTHON) is %d.%d; choose another with PYTHON=" % sys.version_info[:2])'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || \
	{ echo 'make: $(PYTHON) lacks venv; on Debian: apt-get install python3-venv' >&2; exit 1; }

lock: ## bring the lock file up to pyproject.toml; versions stay where they can
	@test -x .venv/bin/uv || $(MAKE) env
	.venv/bin/uv pip compile pyproject.toml --extra suite --group dev --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' --quiet --output-file envs/requirements.lock

clean: ## remove environments and caches; results stay
	rm -rf .venv .venv-lowest .venv-nest .coverage .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find eprop_core tests workflow -name __pycache__ -prune -exec rm -rf {} +
