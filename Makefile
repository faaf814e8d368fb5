# exgate: `make help` says what there is. Every target installs what it needs (see .ci/tools.sh).
SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)
CARGO := cargo
BUF := target/buf/node_modules/.bin/buf
PEERS := $(CURDIR)/target/peers

TARGET ?= clixml
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help tools build demo test lint fmt check bench fuzz clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## Install toolchain, Python peers and buf
	@.ci/tools.sh build peers lint

build: ## Build every binary into target/debug
	@.ci/tools.sh build
	$(CARGO) build --workspace --bins --examples --locked

demo: build ## Play the story: two simulated organizations, three services, real protocol (Ctrl-C ends it)
	@target/debug/exgate demo $(DEMO)

test: build ## Build everything and run every test, the Python peers included
	@.ci/tools.sh peers
	$(CARGO) test --workspace --locked --doc --quiet
	$(CARGO) test --workspace --locked --lib --bins --quiet
	EXGATE_PEERS=$(PEERS) SIMULATOR_PEERS=$(PEERS) $(CARGO) test --workspace --locked --test '*'

lint: ## Formatting, clippy with warnings as errors, and buf lint
	@.ci/tools.sh build lint gssapi
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@if .ci/tools.sh has-gssapi; then $(CARGO) clippy --workspace --features exgate-tests/gssapi --all-targets --locked -- -D warnings; else echo 'lint: skipped the gssapi feature: libclang or libkrb5 is missing' >&2; fi
	RUSTDOCFLAGS='-D missing_docs -D rustdoc::broken_intra_doc_links' $(CARGO) doc -p exgate-exchange --no-deps --locked
	@if [ -x $(BUF) ]; then cd proto && ../$(BUF) lint && ../$(BUF) format -d --exit-code; else echo 'lint: skipped buf: npm is missing' >&2; fi

fmt: ## Format Rust and protos
	$(CARGO) fmt --all
	@if [ -x $(BUF) ]; then cd proto && ../$(BUF) format -w; fi

check: lint test ## lint and test

bench: ## Floors and ours side by side in one run (release build)
	@.ci/tools.sh build peers
	$(CARGO) build --workspace --bins --locked --release --features exgate-bench/peers
	target/release/exgate-bench $(BENCH)

fuzz: ## Fuzz one target: make fuzz TARGET=clixml SECONDS=600
	@.ci/tools.sh build fuzz
	mkdir -p target/fuzz-corpus/$(TARGET)
	target/cargo-fuzz/bin/cargo-fuzz fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz -s none $(TARGET) \
		target/fuzz-corpus/$(TARGET) tests/fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024

clean: ## Remove everything built
	rm -rf target
