# The targets a person needs; `make help` lists them. Tools are pinned in go.mod
# (`tool` lines), so nothing is installed by hand.

.DEFAULT_GOAL := help
SHELL := /bin/bash

GO      ?= go
NPM     ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help run dev build web test check bench sim chaos faults fuzz-long mutate generate

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build and start the server on http://127.0.0.1:8420; prints who can sign in (data in ./bida-data)
	@deploy/run.sh

dev: ## Start a server with the race detector on http://127.0.0.1:8421; its data is thrown away at the end
	$(GO) build -race -ldflags "-X main.version=$(VERSION)-dev" -o bin/bida-dev ./cmd/bida
	@BIDA_BIN=bin/bida-dev deploy/run.sh --throw-away --listen 127.0.0.1:8421

build: web ## Build bin/bida: one static program, with the console and the widget inside
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/bida ./cmd/bida

# The web parts are built again only when something of theirs has changed; packages are fetched again only when the lock file has.
WEB_SOURCES := $(shell find web api/openapi.yaml -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.ts -not -name '.built' -not -name '.installed')

web: web/.built ## Build the console and the widget

web/.installed: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

web/.built: web/.installed $(WEB_SOURCES)
	cd web && $(NPM) run --silent build
	@touch $@

test: ## Install or start what the tests need, say what, and run all of them (PARTS="static unit" for some)
	@test/run.sh $(PARTS)

check: test ## What CI runs, nothing more

bench: $(if $(BENCH),,build) ## Run the benchmarks, then the whole program under load (BENCH=regexp for some of the former only)
	$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./internal/...
	$(if $(BENCH),,@test/bench.sh)

sim: ## Run the simulation; SEED=N repeats a run
	$(GO) test ./test/sim -count=1 -run TestSimulation -v $(if $(SEED),-args -seed=$(SEED))

chaos: build ## Kill and starve the real program, fail its disk and cut its power, for hours, and look for lost messages
	BIDA_BIN=$(CURDIR)/bin/bida $(GO) test ./test/chaos ./test/disk -p 1 -count=1 -timeout 180m -v -args -long

faults: build ## Inject faults into the real program, ask why nothing arrived, and score the answers (SHORT=1 in half a minute; SEED=N, CLASS=prefix, N=cases of each)
	BIDA_BIN=$(CURDIR)/bin/bida $(GO) test ./test/faults -run TestTheBench -count=1 -timeout 180m -v -args $(if $(SHORT),,-long) $(if $(SEED),-seed=$(SEED)) $(if $(CLASS),-class=$(CLASS)) $(if $(N),-n=$(N))

fuzz-long: ## Compare the engine with the naive evaluator on 10,000,000 cases, then fuzz every parser (CASES=N, FUZZTIME=5m each)
	@test/fuzz.sh

mutate: ## Change the engine in one place at a time and list the changes that its tests do not notice (SAMPLE=N, PART=1/4 or RUN=regexp for some of them)
	$(GO) run ./test/mutate $(if $(SAMPLE),-sample $(SAMPLE)) $(if $(PART),-part $(PART)) $(if $(RUN),-run '$(RUN)') ./internal/reception ./internal/filter

generate: ## Regenerate what is generated from the code
	$(GO) generate ./...
