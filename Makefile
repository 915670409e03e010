# Two commands do everything on a fresh machine: `make demo` and `make test`.

GO ?= go
# What runs before a command that wants a Docker Engine; see the script.
WITH_ENGINE = ./sandbox/docker/with-engine
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

export CGO_ENABLED ?= 0
guests = $(addprefix sandbox/guest/program/bin/guest-linux-,amd64 arm64)
# The race detector needs a C compiler.
race = $(if $(shell command -v cc),env CGO_ENABLED=1 $(GO) test -race,$(GO) test)

.PHONY: help build demo test trainers perf perf-sandbox perf-trajectories perf-stats perf-steps perf-reward perf-serve fuzz-difflib soak lint update clean FORCE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST)

build: bin/apprentice ## bin/apprentice, with the guests for sandboxes inside

bin/apprentice: $(guests) FORCE
	@cd sandbox/guest/program/bin && sha256sum $(notdir $(guests)) >guest-sums
	@$(GO) build -trimpath -ldflags='-s -w' -o $@ ./cmd/apprentice

# The Go build cache knows better than make whether there is work to do.
$(guests): sandbox/guest/program/bin/guest-linux-%: FORCE
	@GOOS=linux GOARCH=$* $(GO) build -trimpath -ldflags='-s -w' -o $@ ./cmd/apprentice-guest

demo: build ## the whole pipeline on the starter suite; SANDBOX=docker or local forces a driver
ifeq ($(SANDBOX),docker)
	@$(WITH_ENGINE) bin/apprentice demo --sandbox docker $(ARGS)
else
	@bin/apprentice demo $(if $(SANDBOX),--sandbox $(SANDBOX)) $(ARGS)
endif

test: build ## all tests; provides a Docker Engine where it can (DOCKER=skip opts out)
	@$(WITH_ENGINE) --tests $(race) -timeout 30m $(ARGS) ./...

# A virtual environment is made once for each state of the files that it is made of. Trainers come without
# what they depend on, and NeMo Gym, which asks for Python 3.12, reads rows with an older one as well.
feeds = srl/feed/loaders
trainers: ## the trainers whose loaders the tests give our feeds to, in bin/trainers (5 GB, from PyPI)
	@dir=$${XDG_CACHE_HOME:-$$HOME/.cache}/apprentice/trainers-$$(cat $(feeds)/*.txt | sha256sum | cut -c1-16) && \
	if ! test -e $$dir/whole; then \
		rm -rf $$dir && python3 -m venv $$dir && $$dir/bin/pip install -q uv==0.13.9 && \
		$$dir/bin/uv pip install -q --python $$dir/bin/python --excludes $(feeds)/excluded.txt \
			-r $(feeds)/requirements.txt -c $(feeds)/constraints.txt && \
		$$dir/bin/uv pip install -q --python $$dir/bin/python --python-version 3.12 --no-deps -r $(feeds)/trainers.txt && \
		touch $$dir/whole; \
	fi && mkdir -p bin && ln -sfn $$dir bin/trainers

perf: build ## print what sandboxes and rewards cost here; docs/performance.md keeps the figures
	@$(GO) test -run '^$$' -bench . -benchtime 2s ./sandbox/local ./srl/reward/...

perf-trajectories: ## print what reading, writing and redacting trajectories costs, beside encoding/json; wants APPRENTICE_TESTDATA
	@$(GO) test -run '^$$' -bench . -benchtime 2s ./trajectories/...

perf-stats: ## traj stats over 5,000 trajectories of 1.5 GB, which it makes in a temporary folder
	@$(GO) test -run '^$$' -bench TrajStats -benchtime 3x -timeout 20m ./cmd/apprentice

perf-steps: ## srl steps over the same 1.5 GB
	@$(GO) test -run '^$$' -bench SRLSteps -benchtime 3x -timeout 20m ./cmd/apprentice

perf-reward: ## comparisons beside CPython's difflib, cydifflib and difflib-fast, which it installs in bin/peers; a quarter of an hour
	@python3 -m venv bin/peers && bin/peers/bin/pip install -q cydifflib==1.2.0 difflib-fast==0.4.0
	@$(GO) run ./srl/reward/difflib/perf -python bin/peers/bin/python

perf-serve: ## actions that the reward server scores in a second, by reward and by batch; wants APPRENTICE_TESTDATA
	@$(GO) test -run '^$$' -bench Score -benchtime 3s ./srl/serve

fuzz-difflib: ## half an hour of random and real pairs, compared with CPython's difflib to the bit (FOR=10m SEED=1); wants APPRENTICE_TESTDATA
	@$(GO) test ./srl/reward/difflib -run AgreesWithThisMachinesPython -v -timeout 0 -python-for $(or $(FOR),30m) -python-seed $(or $(SEED),$(shell date +%s))

perf-sandbox: build ## what sandboxes cost beside their peers, as tables; about 20 minutes (ARGS="-only actions -n 50")
	@$(WITH_ENGINE) --tests $(GO) run ./sandbox/sandboxtest/perf $(ARGS)

soak: build ## 64 sandboxes at a time used and killed for 5 minutes, and nothing left (ARGS="-for 1m")
	@$(WITH_ENGINE) --tests $(GO) run ./sandbox/sandboxtest/soak $(ARGS)

# The Python that there is, under one set of rules. What has no types is Any.
python = srl/trainer srl/feed/loaders srl/reward/difflib/perf
pylint = $${XDG_CACHE_HOME:-$$HOME/.cache}/apprentice/lint-1
lint: ## formatting, vet, staticcheck, golangci-lint, tidiness of go.mod; ruff and mypy
	@test -z "$$(gofmt -s -l .)" || { echo "not gofmt-clean:"; gofmt -s -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(GOLANGCI) run ./...
	$(GO) mod tidy -diff
	@test -e $(pylint)/whole || { rm -rf $(pylint) && python3 -m venv $(pylint) && \
		$(pylint)/bin/pip install -q ruff==0.17.6 mypy==2.4.1 && touch $(pylint)/whole; }
	$(pylint)/bin/ruff check --config srl/trainer/pyproject.toml $(python)
	$(pylint)/bin/ruff format --check --config srl/trainer/pyproject.toml $(python)
	MYPYPATH=srl/trainer $(pylint)/bin/mypy --config-file srl/trainer/pyproject.toml --strict --ignore-missing-imports srl/trainer srl/feed/loaders
	$(pylint)/bin/mypy --config-file srl/trainer/pyproject.toml --strict --ignore-missing-imports srl/reward/difflib/perf

update: build ## write the golden files anew
	@$(GO) test ./benchmarks/... ./srl/... -update

clean: ## remove what the targets made, except runs/
	rm -rf bin sandbox/guest/program/bin/guest-*
