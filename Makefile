# One way to do each task. `make` alone lists them.
#
#   MODELS=a,b     which models to run (make up); default: all that can run here
#   ENGINE=...     embedded (the default) or distributed, on the servers of `make stack` (make up)
#   ARGS="..."     more options, for evoke up, pytest or the benchmarks
#   ROUNDS=20      how often each fault is made (make test-faults)
#   IMAGES="a b"   which images to build (make images, make test-images); default: all, or those without PyTorch
#   PYTHON=...     which Python to install with; default: the newest that is there

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help up stack install develop test test-distributed test-faults test-cluster test-terraform test-images images check format docs pictures observability bench bench-models clean

ENGINE ?= $(EVOKE_ENGINE)
export MODELS ENGINE
ROUNDS ?= 20
BIN := .venv/bin
INSTALL = python=$$(infrastructure/local/find-python) && "$$python" infrastructure/local/install.py
CODE := evoke services worker_sidecar model_containers cli bench tests infrastructure infra_tests
PROMETHEUS := $(shell command -v promtool || true)
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: install ## install what is needed and start everything at http://localhost:8000
	@exec $(BIN)/python -m services.standalone $(if $(MODELS),--models "$$MODELS") $(if $(ENGINE),--engine "$$ENGINE") $(ARGS)

stack: ## start Pulsar, S3, the Iceberg catalog and Trino here, without containers (ARGS="up pulsar" ...)
	@python=$$(infrastructure/local/find-python) && "$$python" -m infrastructure.local.stack $(if $(ARGS),$(ARGS),up)

observability: install ## look at what `make up` runs: Prometheus with rules and alerts at http://localhost:9090
	@exec $(BIN)/python -m infrastructure.observability $(ARGS)

install: ## install what `make up` needs
	@$(INSTALL) run $(if $(MODELS),--models "$$MODELS") $(if $(ENGINE),--engine "$$ENGINE")

develop: ## install everything, with tests, linters and benchmarks
	@$(INSTALL) develop

test: develop ## run all tests but those of faults
	@$(if $(CHROMIUM),,echo "No Chromium found: the browser's tests are left out (Debian: apt-get install chromium).")
	@$(if $(PROMETHEUS),,echo "No promtool found: the tests of alerts and dashboards are left out (Debian: apt-get install prometheus).")
	$(BIN)/python -m pytest tests --ignore=tests/faults -m "not slow and not distributed and not chart and not cluster and not terraform and not images$(if $(CHROMIUM),, and not browser)$(if $(PROMETHEUS),, and not prometheus)" $(ARGS)

test-distributed: develop ## run the tests of the distributed engine against real servers (Java 24, Maven, Go)
	$(BIN)/python -m pytest tests/contract tests/stack tests/end_to_end tests/faults/distributed -m distributed --timeout 600 $(ARGS)

test-faults: develop ## kill every process at every moment, for minutes
	EVOKE_FAULT_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/faults --timeout 1800 $(ARGS)

test-cluster: develop ## check the chart, and install it on the cluster of KUBECONFIG (needs helm, kubectl, images: docs/deploy-minikube.md)
	$(BIN)/python -m pytest tests/infrastructure -m "chart or cluster" --timeout 900 $(ARGS)

test-terraform: develop ## check and test the infrastructure code, without a cloud (needs terraform; Go and a network for its linters)
	$(BIN)/python -m pytest tests/infrastructure -m terraform --timeout 900 $(ARGS)

test-images: develop ## build the images that hold no PyTorch, and run them (needs docker or podman; BUILDER, BUILD_FLAGS, RUN_FLAGS, IMAGES)
	$(BIN)/python -m pytest tests/infrastructure/images --timeout 900 $(ARGS)

images: ## build the images of all processes (IMAGES="api sidecar", REGISTRY, TAG, LOAD: see infrastructure/images/build)
	@infrastructure/images/build $(IMAGES)

check: develop ## check format, lint, types, import contracts and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(CODE)
	$(BIN)/lint-imports
	$(BIN)/python -m evoke.protocol.generate --check
	$(BIN)/python -m evoke.settings_table --check
	$(BIN)/python -m infrastructure.charts.values_table --check
	$(BIN)/python -m infrastructure.terraform.module_pages --check
	$(BIN)/python -m infrastructure.local.stack.compose --check
	$(BIN)/python -m infrastructure.observability.generate --check
	$(BIN)/python -m bench.scale --check

format: develop ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: develop ## write the generated pages and files
	$(BIN)/python -m evoke.settings_table
	$(BIN)/python -m infrastructure.charts.values_table
	$(BIN)/python -m infrastructure.terraform.module_pages
	$(BIN)/python -m infrastructure.local.stack.compose
	$(BIN)/python -m infrastructure.observability.generate
	$(BIN)/python -m bench.scale --write

pictures: develop ## take the README's pictures of the system that runs at http://localhost:8000
	$(BIN)/python -m tests.end_to_end.console.screenshots http://localhost:8000 docs/images

bench: develop ## measure, beside what one would build otherwise in the same run (ENGINE=distributed: Pulsar, S3, Trino)
	$(BIN)/python -m bench $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

bench-models: develop ## measure the model containers, beside stock diffusers and transformers in the same run
	$(BIN)/python -m bench.models $(ARGS)
	$(BIN)/python -m bench.audio
	$(BIN)/python -m bench.cough

clean: ## remove what was installed and cached here; the data stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
