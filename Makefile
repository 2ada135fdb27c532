# make bench   set everything up and compare all priors on real photographs
# make test    set everything up and run the tests
# make results make every table of results/tables.toml again, and the figures in README.md;
#              TABLES="photos set12" only these; SHARED is the folder with data/ and weights/
# make docs    set everything up and build the documentation in build/site; also docs-figures and
#              docs-notebooks, which make its figures and what its notebooks show again
# make test-oldest  the tests with the oldest versions that pyproject.toml allows, in an environment
#              of its own; torch 2.6 brings CUDA libraries of 3 GB
# make faults  set everything up, commit every fault, and write what came to results/faults.md
PYTHON ?= python3
VENV := .venv
ARGS ?= --tasks denoise,inpaint
TABLES ?=
SHARED ?= ../shared

.PHONY: bench test test-slow test-oldest results faults lint speed docs docs-figures docs-notebooks
bench: $(VENV)/.bench
	$(VENV)/bin/priorlab bench $(ARGS)

test: $(VENV)/.test
	$(VENV)/bin/python -m pytest

test-slow: $(VENV)/.test
	$(VENV)/bin/python -m pytest -m slow

# torchvision 0.21 is the one for torch 2.6.
test-oldest:
	$(PYTHON) -m venv build/oldest
	build/oldest/bin/pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=build/oldest build/oldest/bin/uv pip install --resolution lowest-direct -e '.[test]' 'torchvision==0.21.0'
	-build/oldest/bin/priorlab plugins compile
	build/oldest/bin/python tests/compile_loops.py
	build/oldest/bin/python -m pytest

results: $(VENV)/.bench
	$(VENV)/bin/python benchmarks/make_results.py $(TABLES) --shared $(SHARED)

faults: $(VENV)/.test
	FAULTS_TABLE=results/faults.md $(VENV)/bin/python -m pytest -n0 -m "slow or not slow" tests/faults

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/.test
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

docs-figures: $(VENV)/.test
	$(VENV)/bin/python docs/figures/make_figures.py

docs-notebooks: $(VENV)/.test
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/python docs/notebooks/execute.py

speed: $(VENV)/.test
	$(VENV)/bin/python benchmarks/speed_tables.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "priorlab needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch first and pinned: see constraints.txt. Loops that are not compiled here are when first used.
# Neither is Python's own bytecode written by pip for an editable install, nor later by Python
# where PYTHONDONTWRITEBYTECODE is set; without it every command compiles 250 modules.
$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	-$(VENV)/bin/priorlab plugins compile
	$(VENV)/bin/python -m compileall -q priorlab plugins
	@touch $@

$(VENV)/.test: $(VENV)/.bench
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	$(VENV)/bin/python tests/compile_loops.py
	@touch $@
