# Each target makes what it needs: a virtual environment with the packages of requirements/, by hash.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are cores: some tests wait for processes and clocks.
WORKERS := $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

QUIETLY := --quiet --disable-pip-version-check
LOCK := pip compile --quiet pyproject.toml - --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help demo test hunt stack storm check image format generate lock bench clean

help:                 ## this list
	@awk -F ':.*##' '/^[a-z]+:.*##/ {printf "make %-8s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.local  ## the whole thing on this machine, with a report at the end
	$(BIN)/oidor demo

test: $(VENV)/.dev    ## without servers, in minutes
	$(BIN)/pytest -q -n $(WORKERS) -m "not stack"

hunt: $(VENV)/.dev    ## look with new random cases for one that breaks a law; the tests take the same ones each time
	HYPOTHESIS_PROFILE=hunt $(BIN)/pytest -q -n $(WORKERS) -m "hypothesis and not stack"

stack: $(VENV)/.dev   ## with Apache Kafka and ClickHouse, started here; hard cases, forty faults, hundreds of seeds
	tests/stack/install.sh stack
	$(BIN)/pytest -q -n auto -m stack tests/simulation
	$(BIN)/pytest -q -s -m stack tests/fuzz
	$(BIN)/pytest -q -n 2 --dist loadfile -m "stack and not alone" --ignore tests/simulation --ignore tests/fuzz
	$(BIN)/pytest -q -m "stack and alone" --ignore tests/simulation --ignore tests/fuzz

storm: $(VENV)/.dev   ## two hundred faults on real servers; ends with one line of JSON
	$(BIN)/python -m tests.stack.storm

check: $(VENV)/.dev   ## style, types, and the graph of imports: rooms, floors, arrows, circles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.architecture.import_graph
	$(BIN)/pytest -q -m "not stack" tests/architecture tests/deploy/shipped

image: $(VENV)/.dev   ## the container image, built without Docker and a registry, and a worker of it beside real servers
	tests/stack/install.sh image
	deploy/image.sh .oidor/image
	$(BIN)/python -m tests.stack.image

format: $(VENV)/.dev  ## put imports and lines in order
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

generate: $(VENV)/.dev ## write the documents that follow from declarations
	$(BIN)/python -m sinks.metrics.reference > docs/metrics.md
	$(BIN)/python -m schemas.limits > docs/limits.md
	$(BIN)/python -m deploy.grafana
	$(BIN)/python -m deploy.cli.effective > docs/settings.md

bench: $(VENV)/.dev   ## figures of this machine; a table, then one JSON line
	$(BIN)/python -m tests.bench

clean:                ## forget the environment and what was built
	rm -rf $(VENV) .oidor build *.egg-info

lock:                 ## resolve anew, with the hashes of all files of all platforms; UV=--upgrade takes newer versions
	$(PYTHON) -m venv .oidor/lock
	.oidor/lock/bin/pip install --quiet --disable-pip-version-check uv
	echo 'setuptools>=77' | .oidor/lock/bin/uv $(LOCK) --extra dev $(UV) --output-file requirements/dev.txt
	sed -n 's/^\([^ ]*==[^ ]*\) .*/\1/p' requirements/dev.txt > .oidor/lock/versions.txt
	echo 'setuptools>=77' | .oidor/lock/bin/uv $(LOCK) --extra local -c .oidor/lock/versions.txt -o requirements/local.txt
	echo 'setuptools>=77' | .oidor/lock/bin/uv $(LOCK) -c .oidor/lock/versions.txt -o requirements/run.txt

# What is installed has the hashes that were locked, what builds it included; our own code comes from here.
$(VENV)/.local: pyproject.toml requirements/local.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(QUIETLY) --require-hashes --requirement requirements/local.txt
	$(BIN)/pip install $(QUIETLY) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(QUIETLY) --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install $(QUIETLY) --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.local
