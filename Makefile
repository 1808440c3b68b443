# Every target says what it does. `make demo` and `make test` need nothing but
# Python 3.11+, make and (for what is missing) root on Debian 12 or later.
.DEFAULT_GOAL := help
.PHONY: help demo run test soak lint bench golden dashboards docs lock tools clients clean
PY := .venv/bin/python
PYTEST := $(PY) -m pytest -q

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

.venv/ready: tests/requirements.lock requirements.lock pyproject.toml tests/prepare.sh
	@sh tests/prepare.sh venv

tools: ## find Prometheus and Alertmanager, or fetch them, or say what to install
	@sh tests/prepare.sh tools

clients: .venv/ready ## prepare the client libraries that judge the simulator
	@sh tests/prepare.sh clients

demo: .venv/ready tools ## break a simulated bot in three ways and recover it through the real stack
	@$(PY) -m tests.stack.demo

run: .venv/ready tools ## start the demo's stack and leave it running until Ctrl-C
	@$(PY) -m tests.stack.run

lint: .venv/ready ## check style, types and formatting
	@echo "lint: ruff, mypy"
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check -q .
	@$(PY) -m mypy

test: lint clients tools ## lint, then all tests but the long ones, on real programs
	@echo "test: unit, rules and pipeline tests"
	@$(PYTEST) -n 4 --dist loadfile -m "not soak and not stack"
	@echo "test: the whole stack"
	@$(PYTEST) -m "stack and not soak"

soak: .venv/ready tools ## the long tests: every crash point, many runs
	@sh tests/prepare.sh soak_tools
	@echo "soak: long tests"
	@$(PYTEST) -m soak --timeout 3600

bench: .venv/ready tools ## measure against peers in the same run; results in build/bench
	@sh tests/prepare.sh bench_tools
	@$(PY) -m tests.bench

golden: .venv/ready ## rewrite the golden files from what the programs say now
	@echo "golden: rewriting tests/golden"
	@$(PYTEST) tests --update-golden -k golden

dashboards: .venv/ready ## regenerate grafana/dashboards
	@$(PY) -m grafana.build_dashboards

docs: .venv/ready ## regenerate docs/metrics.md
	@$(PY) -m docs.build_metrics

lock: ## resolve every lock file anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate -q --extra dev pyproject.toml -o tests/requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate -q tests/clients/alpaca.in -o tests/clients/alpaca.lock

clean: ## remove everything that make has made
	rm -rf .venv .venv-clients .tools build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
