# One way to do each task. `make` alone lists them.
#
#   MODELS=a,b     which models to run (make up); default: all that can run here
#   ARGS="..."     more options, for evoke up, pytest or the benchmarks
#   ROUNDS=20      how often each fault is made (make test-faults)
#   PYTHON=...     which Python to install with; default: the newest that is there

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help up stack install develop test test-distributed test-faults check format docs pictures bench clean

export MODELS
ROUNDS ?= 20
BIN := .venv/bin
INSTALL = python=$$(infrastructure/local/find-python) && "$$python" infrastructure/local/install.py
CODE := evoke services worker_sidecar model_containers cli bench tests infrastructure/local
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: install ## install what is needed and start everything at http://localhost:8000
	@exec $(BIN)/python -m services.standalone $(if $(MODELS),--models "$$MODELS") $(ARGS)

stack: ## start Pulsar, S3, the Iceberg catalog and Trino here, without containers (ARGS="up pulsar" ...)
	@python=$$(infrastructure/local/find-python) && "$$python" -m infrastructure.local.stack $(if $(ARGS),$(ARGS),up)

install: ## install what `make up` needs
	@$(INSTALL) run $(if $(MODELS),--models "$$MODELS")

develop: ## install everything, with tests, linters and benchmarks
	@$(INSTALL) develop

test: develop ## run all tests but those of faults
	@$(if $(CHROMIUM),,echo "No Chromium found: the browser's tests are left out (Debian: apt-get install chromium).")
	$(BIN)/python -m pytest tests --ignore=tests/faults -m "not slow and not distributed$(if $(CHROMIUM),, and not browser)" $(ARGS)

test-distributed: develop ## run the tests of the distributed engine against real servers (Java 24, Maven, Go)
	$(BIN)/python -m pytest tests/contract tests/stack -m distributed --timeout 600 $(ARGS)

test-faults: develop ## kill every process at every moment, for minutes
	EVOKE_FAULT_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/faults --timeout 1800 $(ARGS)

check: develop ## check format, lint, types, import contracts and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(CODE)
	$(BIN)/lint-imports
	$(BIN)/python -m evoke.protocol.generate --check
	$(BIN)/python -m evoke.settings_table --check

format: develop ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: develop ## write the generated pages of the documentation
	$(BIN)/python -m evoke.settings_table

pictures: develop ## take the README's pictures of the system that runs at http://localhost:8000
	$(BIN)/python -m tests.end_to_end.console.screenshots http://localhost:8000 docs/images

bench: develop ## measure, beside FastAPI + Celery + Redis in the same run
	$(BIN)/python -m bench $(ARGS)

clean: ## remove what was installed and cached here; the data stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
