# Two commands do everything: `make run` and `make test`. The others are parts of them, or for developers.
export PATH := $(CURDIR)/.tools:$(PATH)
# Where tests must not skip what a machine could have: in CI.
export KART_REQUIRE_CQL ?= $(if $(CI),1,)
export KART_REQUIRE_TEACHERS ?= $(if $(CI),1,)
export KART_REQUIRE_TOOLS ?= $(if $(CI),1,)

.PHONY: run test lint bench doctor schemas kernels help

run: ## Build, start every role on this machine, print the URL
	@tools/setup run
	@echo "building kart (the first time takes some minutes)"
	@cargo build --release --locked --quiet --bin kart
	@"$${CARGO_TARGET_DIR:-target}/release/kart" up

test: ## Every test
	@tools/setup test
	@$(MAKE) --no-print-directory lint
	@echo "building and running the tests"
	cargo test --workspace --locked

lint: ## Format and lints
	@echo "checking format and lints"
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

bench: ## Measure what has a figure
	@tools/setup test
	@tools/fetch-torch || echo "going on without PyTorch to compare with" >&2
	cargo bench --workspace --locked --bench upload --bench append --bench rebuild --bench train_step --bench take
	@echo "a whole clip, from the file to the comic"
	@clip=$${KART_TEST_MEDIA:-../shared/media}/people/woman-yellow-11s.mp4; \
	[ -f "$$clip" ] || clip=tests/media/puppet.mp4; \
	rm -rf target/comic; \
	cargo run --release --locked --quiet -p trainer --example comic -- "$$clip" target/comic

doctor: ## Say what is missing on this machine
	@cargo run --release --locked --quiet --bin kart -- doctor

schemas: ## Write new events and additions into schemas/json and schemas/fixtures
	KART_BLESS=1 cargo test --locked --quiet -p schemas --test golden

kernels: ## Write the PTX of the GPU kernels anew
	@tools/fetch-cuda-compiler
	KART_BLESS=1 cargo test --locked --quiet -p trainer --lib the_ptx_that_comes

help:
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'
