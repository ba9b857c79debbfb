# Everything runs in a virtual environment that the first command makes.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Of what is installed a quarter is ever imported: modules are compiled when they are.
PIP_INSTALL := install --no-deps --no-compile
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Tests start some thousand processes: none of them compiles anew what another one has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Tests of one file share what they prepare, so each file stays with one worker.
PARALLEL ?= -n 2 --dist loadfile

.PHONY: help ship test test-slow test-torch test-keras-hub test-gpu sabotage fuzz check docs site release \
	lock clean

help:
	@echo "make ship      install, and ship LeNet-5 on scanned digits: the main job"
	@echo "make test      install the test tools too, and run the fast tests"
	@echo "make test-slow the slow ones"
	@echo "make test-torch  those that compare with PyTorch, which it installs"
	@echo "make test-keras-hub  those that compare with keras-hub, which it installs"
	@echo "make test-gpu  those that need a GPU of this machine, with the reason of each that is skipped"
	@echo "make sabotage  files sabotaged in every way, and who refuses them; writes docs/sabotage.md"
	@echo "make fuzz      property tests on random examples, for FUZZ_SECONDS=120; FUZZ_SEED=1 draws the same"
	@echo "make check     ruff, and mypy in strict mode"
	@echo "make docs      renew the outputs in the README by running the commands"
	@echo "make site      the documentation as pages, into docs/site"
	@echo "make release   build wheel and sdist twice, check both, run the main job from the wheel"
	@echo "make lock      renew the pinned versions"

# The files pin all that is installed, so pip resolves nothing: a release made since then, or a
# requirement with an extra, cannot change the set.
# Installing twice must be quick, so each set of pinned versions leaves a mark; `dev` holds all of
# `all`, and leaves both.
$(VENV)/.ready-%: requirements/%.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "edgezoo needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@echo "installing pinned versions from requirements/$*.txt into $(VENV) (once)"
	$(PIP) $(PIP_INSTALL) --require-hashes -r requirements/$*.txt
	$(PIP) $(PIP_INSTALL) --no-build-isolation -e .
	@touch $@ $(@:%-dev=%-all)

ship: $(VENV)/.ready-all
	$(BIN)/zoo ship lenet5 --data digits

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not torch and not keras_hub and not gpu"

# A process that has trained and converted large networks keeps their memory, so the tests that do
# so in their own process (of families, of exporters) are not run side by side: in two parts.
FIRST := $(addprefix tests/,testing end_to_end pipeline cli devices artifacts)
test-slow: $(VENV)/.ready-dev
	@failed=0; \
	for files in "$(filter $(FIRST:=/%),$(call marked,slow))" "$(filter-out $(FIRST:=/%),$(call marked,slow))"; do \
		$(BIN)/python -m pytest $(PARALLEL) -m "slow and not torch and not keras_hub and not gpu" $$files || failed=1; \
	done; \
	exit $$failed

# Of tests that are marked only the files that hold some are collected.
marked = $(sort $(shell grep -rlE --include='test_*.py' 'mark\.$(1)\b' tests))

# pip must know a place of PyTorch's processor-only build: PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL, or
# its configuration.
$(VENV)/.ready-torch: requirements/torch.txt $(VENV)/.ready-dev
	@echo "installing pinned versions from $< into $(VENV) (once)"
	$(PIP) $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

test-torch: $(VENV)/.ready-torch
	$(BIN)/python -m pytest $(PARALLEL) -m torch $(call marked,torch)

# Without dependencies: Keras and TensorFlow are there, and hubs' clients are not wanted.
$(VENV)/.ready-keras-hub: plugins/keras_hub_presets/requirements.txt $(VENV)/.ready-dev
	@echo "installing pinned versions from $< into $(VENV) (once)"
	$(PIP) $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

test-keras-hub: $(VENV)/.ready-keras-hub
	$(BIN)/python -m pytest -m keras_hub $(call marked,keras_hub)

# One after the other, with every reason for which one was skipped. What excludes the other runtimes
# gets its environment first; where that fails, its tests say so.
test-gpu: $(VENV)/.ready-dev
	-$(BIN)/zoo devices setup gpu
	$(BIN)/python -m pytest -m gpu -rs $(call marked,gpu)

sabotage: $(VENV)/.ready-dev
	$(BIN)/python -m tests.sabotage --records docs/sabotage.json --page docs/sabotage.md

FUZZ_SECONDS ?= 120
fuzz: $(VENV)/.ready-dev
	$(BIN)/python tests/fuzz.py $(FUZZ_SECONDS) $(FUZZ_SEED:%=--seed %)

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.ready-all
	$(BIN)/python docs/update.py

# The program itself is installed beside the tools: its commands and hooks are what references are made from.
$(VENV)-docs/.ready: requirements/docs.txt pyproject.toml
	"$(PYTHON)" -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip --quiet $(PIP_INSTALL) --require-hashes -r $<
	$(VENV)-docs/bin/python -m pip --quiet $(PIP_INSTALL) --no-build-isolation -e .
	@touch $@

# The variable leaves out a notice of another program.
site: $(VENV)-docs/.ready
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet --strict
	@echo "docs/site/index.html"

# Its tools have an environment of their own: they are needed by nobody else.
$(VENV)-release/.ready: requirements/release.txt
	"$(PYTHON)" -m venv $(VENV)-release
	$(VENV)-release/bin/python -m pip --quiet $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

release: $(VENV)-release/.ready
	$(VENV)-release/bin/python tools/release.py $(RELEASE)

# Needs uv, and UV_FIND_LINKS where PyTorch's processor-only build lies; writes versions and hashes, and the address of no registry.
COMPILE := uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--quiet pyproject.toml
LOCK := $(COMPILE) --universal requirements/build.in --constraints requirements/constraints.in
TORCH_LOCK := uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --quiet
TOOLS := uv pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --quiet
lock:
	$(LOCK) --extra all --output-file requirements/all.txt
	$(LOCK) --extra all --group test --group check --constraints requirements/all.txt \
		--output-file requirements/dev.txt
	$(LOCK) --extra run --constraints requirements/all.txt --output-file requirements/run.txt
	$(TOOLS) requirements/release.in --output-file requirements/release.txt
	$(TOOLS) requirements/docs.in requirements/build.in pyproject.toml \
		--constraints requirements/dev.txt --output-file requirements/docs.txt
	$(COMPILE) --no-emit-find-links --extra torch --extra weights --group torch \
		--constraints requirements/dev.txt --constraints requirements/torch.in \
		--output-file requirements/torch.txt
	$(TORCH_LOCK) requirements/torch-environment.in --universal --unsafe-package torch \
		--output-file plugins/torch_files/requirements.txt
	$(TORCH_LOCK) requirements/keras-hub-environment.in --universal --no-deps \
		--output-file plugins/keras_hub_presets/requirements.txt

clean:
	rm -rf build dist docs/site $(VENV)-release $(VENV)-docs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
