# `make` lists the targets and the settings.

PYTHON ?= python3
CORES ?= all
CONFIG ?= config/config.yaml

ACTIVATE := . .venv/bin/activate &&
# One worker more than there are cores, since tests with SLURM mostly wait for it.
PYTEST := pytest --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile --no-loadscope-reorder

# The environment depends on the lock file only, not on the search path.
unexport PYTHONHOME PYTHONPATH

# Snakemake, numba and matplotlib keep caches below the user's home, and Snakemake notes the user's name. A container may
# have neither.
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo usable),usable)
export HOME := $(shell mkdir -p .home && pwd)/.home
endif
ifeq ($(LOGNAME)$(USER),)
export LOGNAME := $(shell id -un 2> /dev/null || echo user)
endif

# A Python environment cannot be moved: `ready` contains the directory in which it was built.
ifneq ($(file < .venv/ready),$(CURDIR))
.PHONY: .venv/ready
endif

ifneq ($(wildcard .venv-nest/ready),)
export EPROP_BENCH_NEST_PYTHON ?= $(CURDIR)/.venv-nest/bin/python
endif

.PHONY: help env figures test test-unit test-lowest coverage docs nest lock clean python

help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'Settings: CORES=$(CORES) CONFIG=$(CONFIG) PYTHON=$(PYTHON), for instance: make figures CORES=2'

figures: env ## make all figures, tables and the report
	$(ACTIVATE) python -m workflow.lib.configuration_file "$(CONFIG)"
	$(ACTIVATE) snakemake --cores $(CORES) --configfile "$(CONFIG)"

test: env ## check style, types and workflow, and run all tests
	$(ACTIVATE) ruff check .
	$(ACTIVATE) ruff format --check .
	$(ACTIVATE) mypy
	$(ACTIVATE) mypy --config-file tests/mypy.ini
	$(ACTIVATE) lint-imports
	$(ACTIVATE) snakefmt --check Snakefile workflow
	$(ACTIVATE) snakemake --lint
	$(ACTIVATE) $(PYTEST)

test-unit: env ## run the unit tests: under a minute, once the simulator is compiled
	$(ACTIVATE) pytest --numprocesses auto --dist worksteal -m unit

test-lowest: .venv-lowest/ready ## run the tests with the lowest versions that pyproject.toml allows
	. .venv-lowest/bin/activate && $(PYTEST) -m 'not slurm'

coverage: env ## measure what the unit tests cover that do not need the compiler
	$(ACTIVATE) NUMBA_DISABLE_JIT=1 coverage run -m pytest -m 'unit and not needs_compiler'
	$(ACTIVATE) coverage report

docs: .venv/docs ## build the documentation site in docs/_build, with warnings as errors
	rm -rf docs/_build
	$(ACTIVATE) sphinx-build -c docs --jobs auto --nitpicky --fail-on-warning --keep-going --quiet . docs/_build

env: .venv/ready ## build the environment .venv from the lock file

# `ready` is written last, so that an interrupted build is repeated.
.venv/ready: envs/requirements.lock pyproject.toml | python
	rm -rf .venv
	"$(PYTHON)" -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --use-pep517 --require-hashes -r envs/requirements.lock
	.venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@printf '%s' "$(CURDIR)" > $@

.venv/docs: envs/docs.lock .venv/ready
	.venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r envs/docs.lock
	@touch $@

.venv-lowest/ready: pyproject.toml | python
	rm -rf .venv-lowest
	"$(PYTHON)" -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check uv
	.venv-lowest/bin/uv pip compile pyproject.toml --extra suite --group dev --python .venv-lowest/bin/python \
	--resolution lowest-direct --quiet --output-file .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check -r .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

nest: .venv-nest/ready ## build .venv-nest, so that the tests compare with NEST

.venv-nest/ready: envs/nest.lock | python
	rm -rf .venv-nest
	"$(PYTHON)" -m venv .venv-nest
	.venv-nest/bin/python -m pip install --disable-pip-version-check --only-binary :all: --require-hashes -r envs/nest.lock
	@touch $@

python:
	@command -v "$(PYTHON)" > /dev/null || \
	{ echo 'make: program $(PYTHON) not found; choose Python 3.11 or newer with PYTHON=' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed, $(PYTHON) is %d.%d; choose another with PYTHON=" % sys.version_info[:2])'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || \
	{ echo 'make: $(PYTHON) lacks venv; on Debian: apt-get install python3-venv' >&2; exit 1; }

LOCK := .venv/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock' --quiet

lock: ## update the lock files to pyproject.toml and envs/nest.in, keeping versions where possible
	@test -x .venv/bin/uv || $(MAKE) env
	$(LOCK) pyproject.toml --extra suite --group dev --output-file envs/requirements.lock
	$(LOCK) --group docs --constraints envs/requirements.lock --output-file envs/docs.lock
	$(LOCK) envs/nest.in --output-file envs/nest.lock

clean: ## remove environments and caches, but not results
	rm -rf .venv .venv-lowest .venv-nest .home docs/_build .coverage .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find eprop_core tests workflow -name __pycache__ -prune -exec rm -rf {} +
