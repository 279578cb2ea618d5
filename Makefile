# What there is to do in a working copy. `make` alone lists it.

SHELL := /bin/bash
CARGO := . scripts/environment.sh && cargo
# The example project that `make demo` shows: a folder of schema/.
PROJECT ?= romashka

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-minors test-newest acceptance bench fmt docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## installs what building and testing need, where it is missing
	@scripts/setup.sh

demo: ## brings a half-built database into agreement, step by step (PROJECT=… chooses another folder of schema/)
	@TRUEUP_SETUP_MAJORS=no scripts/setup.sh
	@scripts/demo.sh $(PROJECT)

check: ## format, lints and fast tests, in seconds; no PostgreSQL needed
	@$(CARGO) fmt --check
	@$(CARGO) clippy --quiet --no-default-features --lib --bins -- -D warnings
	@scripts/test.sh --no-default-features --lib

test: setup ## the tests, against real servers
	@scripts/test.sh

test-minors: setup ## a part of the tests on an older minor release, and on two as live and scratch server
	@scripts/test.sh --minors

test-newest: setup ## a part of the tests on versions that this Debian lacks: the newest 17 and 18, and 19
	@scripts/test.sh --newest

acceptance: setup ## a long run: 5000 random pairs of schemas, all tests on every minor release, all pairs on every version
	@scripts/test.sh --acceptance

bench: setup ## the numbers of the README, side by side on this machine
	@scripts/bench.sh

fmt: ## formats the code
	@$(CARGO) fmt

docs: ## the API documentation, warnings denied
	@. scripts/environment.sh && RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

clean: ## removes what was built
	@$(CARGO) clean
