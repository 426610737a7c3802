# Each target does its own set-up: what the machine lacks is brought into the project's own folders first.
SHELL := bash
TOOLS := deploy/toolchain/install && . deploy/toolchain/env

.PHONY: help run serve test test-slow simulate propagation build bench growth tools clean reset

help:           ## this list
	@sed -n 's/^\([a-z-]*\): *## /  make \1\t/p' Makefile | expand -t 20

run:            ## the gateway on this machine, with a demo API behind it and a demo page: ends with Ctrl-C
	@$(TOOLS) && exec node deploy/local/run.mjs

serve:          ## Wayleave on this machine for good, in workerd, in front of UPSTREAM: deploy/workerd/README.md
	@deploy/toolchain/build && exec deploy/workerd/start

test:           ## formatting, lints, native tests, the Worker in real workerd, vectors against Node
	@deploy/toolchain/install browser && . deploy/toolchain/env && exec deploy/toolchain/test

test-slow:      ## many locations in real workerd under the default bound of 60 s, with a stall of 5 minutes: 9 minutes
	@$(TOOLS) && deploy/toolchain/build && exec npm run --silent test:slow

simulate:       ## N worlds (100000 if not said) against the revocation bound, on all cores: make simulate N=1000
	@$(TOOLS) && WAYLEAVE_WORLDS=$(or $(N),100000) exec cargo test --release --locked --test simulation simulate -- --ignored --nocapture

propagation:    ## how long a revocation takes to be refused everywhere, into docs/: 10 minutes; TARGET=https://… ADMIN_KEY=… at a deployment
	@$(TOOLS) && { [ -n "$(TARGET)" ] || deploy/toolchain/build; } && TARGET=$(TARGET) ONLY=$(ONLY) exec node benches/propagation/main.mjs

build:          ## the Worker, into build/
	@deploy/toolchain/build

bench:          ## requests per second through the gateway, as a ratio to a bare forwarder
	@$(TOOLS) && deploy/toolchain/build && exec node benches/throughput.mjs

growth:         ## how the revocation list grows with the tokens: bytes, memory, decoding, look-up; and usage with the days
	@$(TOOLS) && cargo bench --locked --bench growth && exec cargo test --locked --test usage growth -- --nocapture

tools:          ## only brings the tools
	@deploy/toolchain/install

clean:          ## removes what was built; keeps the tools, and the local run's tokens
	@rm -rf build target && echo "removed: build target"

reset:          ## forgets the local run's secrets, tokens and records
	@rm -rf .wrangler .dev.vars && echo "removed: .wrangler .dev.vars"
