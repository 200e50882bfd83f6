# On a fresh Debian machine, as root: `make demo` builds and boots a first image, `make test` runs every test.

PYTHON := .venv/bin/python
CODE := claylinux frontend imager llb spec tests tools $(if $(wildcard bench/*.py),bench)
# The programs in tools/ have no suffix; linters have to be told about them.
SCRIPTS = $(shell grep -lE '^\#!.*python' tools/* 2>/dev/null)
SHELL_SCRIPTS = $(shell grep -lE '^\#!/bin/sh' .ci/* bench/* emulator/* tools/* 2>/dev/null) $(shell find imager/guest -type f ! -name '.*' ! -path '*/units/*')
WORKFLOWS = $(wildcard .github/workflows/*.yaml examples/ci/*.yaml)
EXAMPLE ?= hello
NAME ?= hostile_trees
SECONDS ?= 60

.PHONY: help setup engine frontend demo unit test golden format lint long campaign bench fuzz docs clean

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

setup: ## install what is missing: Debian packages, .venv
	@command -v python3 >/dev/null || apt-get install -y --no-install-recommends python3
	@tools/setup

engine: setup ## bring up a Docker Engine where none is reachable
	@tools/engine up

frontend: engine ## build the image claylinux/frontend
	@tools/frontend-image

demo: frontend ## build examples/hello, boot it, and say how to use it
	@tools/demo $(EXAMPLE)

format: setup ## put the code into its form, and mend what linters can mend
	$(PYTHON) -m ruff check --fix $(CODE) $(SCRIPTS)
	$(PYTHON) -m ruff format $(CODE) $(SCRIPTS)

lint: setup ## formatter, linters, types, import rules, schemas, workflows
	$(PYTHON) -m ruff check $(CODE) $(SCRIPTS)
	$(PYTHON) -m ruff format --check $(CODE) $(SCRIPTS)
	$(PYTHON) -m mypy $(CODE)
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m check_jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(PYTHON) -m check_jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yaml
	$(PYTHON) -m check_jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	.venv/bin/actionlint $(WORKFLOWS)
	.venv/bin/zizmor --offline --quiet --no-progress --persona=pedantic .github
	.venv/bin/zizmor --offline --quiet --no-progress --config=tools/zizmor.yaml examples/ci/*.yaml
	.venv/bin/pre-commit validate-config .pre-commit-config.yaml
	.venv/bin/pre-commit validate-manifest .pre-commit-hooks.yaml
	shellcheck $(SHELL_SCRIPTS)

unit: ## the unit tests, except for slow ones: half a minute, without an engine
	@tools/setup --unit
	$(PYTHON) -m pytest tests/unit --numprocesses=auto -m 'not slow'

golden: ## write the golden files anew, and show what has changed in them
	@tools/setup --unit
	$(PYTHON) -m pytest tests/unit --numprocesses=auto --update-golden
	git diff --stat -- tests/golden

# Two at a time: an emulated guest keeps one processor busy. The tests of a file share guests and images, so they stay
# together; in the order of their names, the longest come first.
test: lint engine ## lint, then the tests: unit, golden, engine, boot
	$(PYTHON) -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

long: engine ## the tests that take more than ten minutes each: Debian for arm64, emulated
	$(PYTHON) -m pytest -m long

campaign: engine ## run a long campaign of tests: make campaign NAME=faults SECONDS=600 (see tests/campaigns)
	PYTHONPATH=tools $(PYTHON) -m tests.campaigns.$(NAME) --seconds $(SECONDS)

bench: frontend ## measure rebuilds, assembly and boots against the alternatives (many minutes)
	@$(PYTHON) bench/noop.py
	@$(PYTHON) bench/assembly.py
	@$(PYTHON) bench/trust.py
	@$(PYTHON) bench/formats.py
	@$(PYTHON) bench/boot.py
	@$(PYTHON) bench/rebuild.py

fuzz: setup ## look for build files that the language stumbles over, for a minute
	.venv/bin/pip install --quiet --require-hashes --no-deps --requirement=requirements/fuzz.txt
	mkdir -p .fuzz
	$(PYTHON) tests/fuzz/fuzz_config.py -max_total_time=60 -max_len=4096 -artifact_prefix=.fuzz/ .fuzz tests/fuzz/corpus

docs: setup ## build the documentation as a site in out/site; fail on a broken link
	.venv/bin/pip install --quiet --require-hashes --no-deps --requirement=requirements/docs.txt
	$(PYTHON) tools/docs-site

clean: ## stop the engine that we started, remove what was built
	@tools/engine down --purge
	rm -rf out init/build .venv .mypy_cache .pytest_cache .ruff_cache
