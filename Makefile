# Holdfast. `make` lists what there is. Works with GNU make 3.81 and later, and with any POSIX shell.

READY := .venv/.ready
BIN := .venv/bin

# sam looks on PATH for the python3.13 that it builds with. What tools want to remember stays in this folder.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export __SAM_CLI_APP_DIR := $(CURDIR)/.tools/sam
export PIP_CACHE_DIR := $(CURDIR)/.tools/pip
export MPLCONFIGDIR := $(CURDIR)/.tools/matplotlib
# Hundreds of processes import the same packages, which come uncompiled: the first one keeps what it compiled.
unexport PYTHONDONTWRITEBYTECODE

FAST := not e2e and not model and not sam_local
DECISIONS := */plan.py,*/model.py

# Check and test both want the fast tests. They run once for the same files, and again whenever one has changed.
FAST_PASSED := .local/fast-tests-passed
FILES := $(shell find *.* Makefile bench dashboard docs events functions layers local statemachine tests -type f ! -name '*.pyc')

help: ## List these targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*## /	/' | awk -F '	' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml local/setup.sh
	@sh local/setup.sh
	@touch $@

demo: $(READY) ## Watch each system do its main job, on a local engine: two minutes
	@$(BIN)/python -m local demo $(ARGS)

up: $(READY) ## Start a local engine with the stack in it, or update it: [PORT=4566] [ARGS="--parameter NAME=VALUE"]
	@$(BIN)/python -m local up $(if $(PORT),--port $(PORT)) $(ARGS)

status: $(READY) ## Say what runs locally, and where
	@$(BIN)/python -m local status

down: $(READY) ## Stop what make up started
	@$(BIN)/python -m local down

invoke: $(READY) ## Try one function with one event: FUNCTION=capacity_track CASE=s3_put
	@$(BIN)/python -m local invoke "$(FUNCTION)" "$(CASE)"

logs: $(READY) ## Follow a function's log in the local engine: FUNCTION=capacity_track
	@$(BIN)/python -m local logs "$(FUNCTION)"

check: $(READY) ## Format, lint, types, template and the fast tests: the gate of every commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(MAKE) -j 2 types template-of-sam template-of-cloudformation
	@$(MAKE) $(FAST_PASSED)

types: $(READY)
	$(BIN)/mypy

template-of-sam: $(READY)
	AWS_DEFAULT_REGION=eu-west-1 $(BIN)/sam validate --lint

template-of-cloudformation: $(READY)
	$(BIN)/cfn-lint template.yaml

$(FAST_PASSED): $(READY) $(FILES)
	$(BIN)/pytest -q -n auto --dist loadgroup -m "$(FAST)" --cov --cov-report=
	@mkdir -p $(@D) && touch $@

test: $(FAST_PASSED) ## All tests; the deciding modules must be covered to the last branch
	$(BIN)/coverage report --include='$(DECISIONS)' --fail-under=100
	$(BIN)/pytest -q -n auto --dist loadgroup -m "e2e or model"
	@if $(BIN)/python -m local containers; then $(MAKE) sam-local; \
	else echo "No container engine answers: the tests in real containers were left out (make sam-local)"; fi

sam-local: $(READY) ## The tests that run functions in real containers: needs Docker or Podman
	$(BIN)/pytest -q -m sam_local $(ARGS)

model: $(READY) ## The model tests alone: random histories with faults
	$(BIN)/pytest -q -n auto -m model $(ARGS)

bench: $(READY) ## Measure cost, throughput and cold starts
	@$(BIN)/python -m bench $(ARGS)

bench-peers: $(READY) ## Install what the benchmarks are measured against, in .tools/peers
	@[ -x .tools/peers/bin/python ] || .tools/uv/bin/uv venv --quiet --python $(BIN)/python .tools/peers
	@UV_CACHE_DIR=.tools/cache .tools/uv/bin/uv pip sync --quiet --python .tools/peers/bin/python \
		--require-hashes requirements-bench.lock

build: $(READY) ## sam build: what goes to AWS, in .aws-sam/build
	$(BIN)/sam build $(ARGS)

deploy: build ## sam build, then sam deploy --guided, into your AWS account
	$(BIN)/sam deploy --guided $(ARGS)

reference: $(READY) ## Bring what is generated up to date: the dashboard in the template, tables in docs/reference
	$(BIN)/python -m dashboard
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python -m docs.reference.controls

COMPILE := .tools/uv/bin/uv pip compile --universal --python-version 3.13 --generate-hashes --no-header --no-annotate --quiet

lock: $(READY) ## Bring the locks up to date with pyproject.toml: [ARGS=--upgrade]
	$(COMPILE) pyproject.toml --group dev --output-file requirements.lock $(ARGS)
	$(COMPILE) --group bench --output-file requirements-bench.lock $(ARGS)

clean: ## Remove all that was made here, but not the environment
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local down; fi
	rm -rf .aws-sam .local .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache demo dist
	find . -name __pycache__ -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +

.PHONY: help demo up status down invoke logs check types template-of-sam template-of-cloudformation test sam-local model bench bench-peers build deploy reference lock clean
