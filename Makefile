# Each target first installs missing tools into the project's own folders.
SHELL := bash
TOOLS := deploy/toolchain/install && . deploy/toolchain/env

.PHONY: help run serve check test test-slow simulate propagation build bench bench-registry instructions \
  growth tools clean reset

help:           ## this list
	@sed -n 's/^\([a-z-]*\): *## /  make \1\t/p' Makefile | expand -t 23

run:            ## the gateway on this machine, with a demo API and a demo page; stop it with Ctrl-C
	@$(TOOLS) && exec node deploy/local/run.mjs

serve:          ## Wayleave as a service on this machine, in workerd, in front of UPSTREAM: deploy/workerd/README.md
	@deploy/toolchain/build && exec deploy/workerd/start

check:          ## formatting, lints, unit tests, rules of tests/tidy; two minutes; run it for each commit
	@$(TOOLS) && exec deploy/toolchain/check

test:           ## everything: make check, native tests, the Worker in real workerd, vectors against Node
	@deploy/toolchain/install tests && . deploy/toolchain/env && exec deploy/toolchain/test

test-slow:      ## many locations in real workerd, B = 60 s, a stall of 5 minutes; 9 minutes
	@$(TOOLS) && deploy/toolchain/build && exec npm run --silent test:slow

simulate:       ## N simulated worlds (default 100000), on all cores: make simulate N=1000
	@$(TOOLS) && WAYLEAVE_WORLDS=$(or $(N),100000) exec cargo test --release --locked --test simulation simulate -- --ignored --nocapture

propagation:    ## how long a revocation takes, into docs/; 10 minutes; TARGET=https://… ADMIN_KEY=…
	@$(TOOLS) && { [ -n "$(TARGET)" ] || deploy/toolchain/build; } && TARGET=$(TARGET) ONLY=$(ONLY) exec node benches/propagation/main.mjs

build:          ## the Worker, into build/
	@deploy/toolchain/build

bench:          ## what a request costs, beside a bare forwarder and what people use instead; 8 minutes
	@deploy/toolchain/install tests && deploy/toolchain/build && . deploy/toolchain/env && exec node benches/gateway/main.mjs

bench-registry: ## changes in a second, and a bulk revocation of 100,000 tokens (TOKENS=…); 4 minutes
	@$(TOOLS) && deploy/toolchain/build && exec node benches/registry/main.mjs

instructions:   ## instructions of a decision's steps; fails at 5 % more than benches/instructions.txt says
	@deploy/toolchain/install tests && . deploy/toolchain/env && exec deploy/toolchain/instructions

growth:         ## how the revocation list grows with tokens, usage with days; lists of a million tokens
	@$(TOOLS) && cargo bench --locked --bench growth && cargo test --locked \
	  --config profile.dev.package.wayleave.opt-level=2 --test usage growth -- --nocapture && \
	  WAYLEAVE_TOKENS=1000000 exec cargo test --locked \
	  --config profile.dev.package.wayleave.opt-level=2 --test registry list_growth -- --nocapture

tools:          ## installs the tools, nothing else
	@deploy/toolchain/install

clean:          ## removes build and target; keeps the tools and the tokens of make run
	@rm -rf build target && echo "removed: build target"

reset:          ## deletes the secrets, tokens and records of make run
	@rm -rf .wrangler .dev.vars && echo "removed: .wrangler .dev.vars"
