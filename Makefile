# Two commands do all the set-up on a fresh Debian machine with Python 3.11: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Debian's own is built with profiles and link-time optimisation: by a fifth to a half faster than one built without
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) python3)
BIN := .venv/bin
ARGS ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/.demo ## a day in the city, over real HTTP; ARGS=--once ends it instead of staying up
	$(BIN)/langqiao demo $(ARGS)

test: .venv/.dev .venv/.apt ## the whole test suite, on real servers
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev ## format, lint, types, layers, policy, deployment files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/langqiao policy lint --strict policies
	$(BIN)/langqiao policy test --min-coverage 100 policies
	$(BIN)/yamllint -s deploy policies
	$(BIN)/hadolint --failure-threshold style deploy/Containerfile

bench: .venv/.dev .venv/.bench-apt ## measure speed; results in benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks $(ARGS)

soak: .venv/.dev .venv/.apt ## faults for hours: kills, failing disks, receipts by the million; ARGS="--minutes 60"
	$(BIN)/python -m tests.faults.soak $(ARGS)

format: .venv/.dev ## put the code in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/bin/python:
	@makes() { "$$1" -c 'import venv, ensurepip' 2>/dev/null; }; python="$(PYTHON)"; \
	if ! makes "$$python" && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv; } || true; fi; \
	makes "$$python" || python=python3; \
	makes "$$python" || { echo "python3-venv is missing: apt-get install python3 python3-venv" >&2; exit 1; }; \
	"$$python" -m venv .venv

.venv/.apt: | .venv/bin/python
	@if ! command -v systemd-analyze >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq systemd >/dev/null; \
	  else echo "systemd-analyze is missing: the test of deploy/langqiao.service will be skipped" >&2; fi; fi
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; \
	  else echo "node or npm is missing: the tests of PostgREST's JavaScript clients will fail" >&2; fi; fi
	@if ! command -v gcc >/dev/null || ! echo 'int main;' | gcc -include stdio.h -fsyntax-only -x c - 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null; \
	  else echo "gcc or libc6-dev is missing: the tests of disks that fail will fail" >&2; fi; fi
	@if ! command -v pdftoppm >/dev/null || ! fc-list 2>/dev/null | grep -qi 'cjk'; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq poppler-utils fonts-noto-cjk fontconfig >/dev/null; \
	  else echo "poppler-utils or fonts-noto-cjk is missing: the tests of PDF reports will fail" >&2; fi; fi
	@if ! PATH="$$PATH:/usr/sbin" command -v mariadbd >/dev/null || ! command -v mariadb-install-db >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mariadb-server-core mariadb-client-core >/dev/null; \
	  else echo "mariadbd is missing: the tests of MariaDB sources will fail" >&2; fi; fi
	@touch $@

.venv/.bench-apt: | .venv/.apt
	@if ! command -v wrk >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq wrk >/dev/null; \
	  else echo "wrk is missing: the benchmark of serving can't run" >&2; fi; fi
	@touch $@

.venv/.demo: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/.demo

.PHONY: help demo test check bench soak format
