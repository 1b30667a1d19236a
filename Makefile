# CassKop in Python. `make help` lists what can be done; each `##` line is its text.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Every program of the project runs from the checkout, with its own dependencies.
RUN    := $(BIN)/python -m
# Hypothesis: `dev` draws 25 examples a property, `ci` 100, `long` 500.
export HYPOTHESIS_PROFILE ?= dev
# Hashes for every file; nothing in the lock files says from where they came.
LOCK := --generate-hashes --strip-extras --allow-unsafe --no-emit-find-links --no-emit-index-url --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help venv check lint types layers format verify-manifests manifests test unit sweep sweep-quick \
        sweep-mutants sweep-walks deps up down demo e2e e2e-full bench-core bench-sim bench-isolation bench-create bench-roll \
        bench-operations bench-topology bench-plugin agents plugin image lock clean recording

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- code ---------------------------------------------------------------------------------------------

venv: $(VENV)/.made ## make the virtual environment that everything runs in

$(VENV)/.made: setup.cfg pyproject.toml requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r requirements-dev.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

check: lint types layers verify-manifests ## ruff, mypy --strict, import-linter, generated files

lint: venv
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check -q .

types: venv
	$(BIN)/mypy

layers: venv
	$(BIN)/lint-imports --no-cache

format: venv ## let ruff put the code into shape
	$(BIN)/ruff check -q --fix .
	$(BIN)/ruff format -q .

manifests: venv ## write the CRD and the admission policy from the code
	$(RUN) controller.api.crd > manifests/crds/cassandraclusters.db.orange.com.yaml
	$(RUN) controller.domain.policy > manifests/admission/policy.yaml

verify-manifests: venv
	@$(RUN) controller.api.crd | diff -u manifests/crds/cassandraclusters.db.orange.com.yaml - \
	  || { echo "the CRD is out of date: run 'make manifests'"; exit 1; }
	@$(RUN) controller.domain.policy | diff -u manifests/admission/policy.yaml - \
	  || { echo "the admission policy is out of date: run 'make manifests'"; exit 1; }

# --- tests --------------------------------------------------------------------------------------------

test: check unit ## check, and the unit tests

unit: venv
	$(RUN) pytest

# Numbers of random walks.
WALKS ?= 0-99

# Every fault at every step of every story, on the simulator (see docs/sweep.md); minutes.
sweep: venv ## play every fault at every step of every story
	$(RUN) e2e.sweep --jobs 2

sweep-quick: venv ## a part of the sweep, in four minutes
	$(RUN) e2e.sweep --quick --jobs 2
	$(RUN) e2e.sweep --walk 0-11 --jobs 2

sweep-walks: venv ## a hundred random walks: users who change their mind, and faults meanwhile (WALKS=0-99)
	$(RUN) e2e.sweep --walk $(WALKS) --jobs 2

sweep-mutants: venv ## prove that the sweep catches planted bugs
	$(RUN) e2e.sweep --mutants --jobs 2

# --- the operator at work -----------------------------------------------------------------------------

# sim: in one process, with nothing but Python. local: the real cluster below.
CLUSTER ?= sim
PORT    ?= 8001
SPEED   ?= 5
CLUSTERS ?= 1000

demo: venv ## show the operator at work (CLUSTER=sim or local, PORT=8001, SPEED=5)
	@$(RUN) e2e.demo --cluster=$(CLUSTER) --port=$(PORT) --speed=$(SPEED)

recording: venv ## draw docs/demo.svg anew from what the demo shows
	$(RUN) e2e.demo.recording docs/demo.svg

# --- the real cluster ---------------------------------------------------------------------------------
# Three Kubernetes nodes on this machine (see docs/cluster.md). Needs root on Debian or a relative.
# With KUBECONFIG set, demo and e2e use that cluster instead, and its images are yours to see to.

deps: venv ## install the Debian packages that the real cluster needs
	$(RUN) e2e.cluster deps

up: venv ## bring up a real three-node Kubernetes on this machine
	$(RUN) e2e.cluster up

down: venv ## take it down again, whatever is left of it
	$(RUN) e2e.cluster down

E2E  := pytest -p no:randomly --timeout=900 --cluster=real e2e/real e2e/scenarios e2e/contract e2e/contract_jolokia
LONG := e2e/scenarios/test_topology.py e2e/scenarios/test_racks.py e2e/scenarios/test_bad_changes.py e2e/real/test_topology_under_load.py e2e/contract_jolokia/test_jolokia_leaving.py e2e/real/test_versions.py e2e/scenarios/test_upgrade.py

e2e: venv ## the scenarios and the contracts, on the real cluster
	$(RUN) $(E2E) $(LONG:%=--ignore=%)

e2e-full: venv ## the same, with the scenarios that take long
	$(RUN) $(E2E)

bench-sim: venv ## measure the simulator: requests, fault plans, a thousand clusters (CLUSTERS=1000)
	$(RUN) e2e.simkube.bench
	$(RUN) e2e.bench_converge --clusters=$(CLUSTERS)
	$(RUN) e2e.sweep --story create --jobs 1

bench-core: venv ## measure what one reconcile costs without any call
	$(RUN) e2e.bench_core

bench-isolation: venv ## measure what clusters whose Cassandra hangs cost the others, on the simulator
	$(RUN) e2e.bench_isolation

bench-create: venv ## measure a creation on the real cluster, as ratios
	$(RUN) e2e.bench_create

bench-operations: venv ## measure how soon operations asked for by labels begin, on the real cluster
	$(RUN) e2e.bench_operations

bench-roll: venv ## measure rolling restarts: simulated, and on the real cluster with a client
	$(RUN) e2e.bench_roll --simulated
	$(RUN) e2e.bench_roll

bench-topology: venv ## measure nodes that join and leave under load, on the real cluster (PART=--far: a data centre; --all: both)
	$(RUN) e2e.bench_topology $(PART)

bench-plugin: venv ## measure kubectl casskop on 300 nodes, through a real kubectl
	$(RUN) e2e.bench_plugin

# --- images -------------------------------------------------------------------------------------------

agents: build/agents/.made ## fetch the Jolokia and metrics agents, and check their sums

build/agents/.made: deploy/agents/pom.xml deploy/agents/SHA256SUMS
	mvn -q -B -ntp -f deploy/agents/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/agents
	cd build/agents && sha256sum --quiet --strict -c ../../deploy/agents/SHA256SUMS
	@touch $@

plugin: venv ## build kubectl casskop as one file, build/kubectl-casskop
	$(RUN) controller.plugin.single_file build/kubectl-casskop

image: agents ## build the operator's image with docker
	docker build -t casskop:dev .

lock: ## pin all dependencies, and the hashes of their files, anew
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install -q pip-tools
	CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile -q $(LOCK) --build-deps-for=wheel -o requirements.txt setup.cfg
	CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile -q $(LOCK) --extra=dev -o requirements-dev.txt setup.cfg

clean: ## remove what make has made in this folder
	rm -rf build $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
