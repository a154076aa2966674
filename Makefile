# Palisade on this machine. `make help` lists what there is; every target sets itself up.
#
# Settings: PORT, AWS_PORT, LOCAL_HOME and NAMESERVERS (see infra/local/README.md), PYTHON (the interpreter to make
# the environment with).

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

BIN := .venv/bin
RUN := $(BIN)/python -m
# A target is what was said on the command line, never a variable that the shell happens to have.
GIVEN = $(if $(filter command,$(origin $(1))),"$$$(1)")
FAST := not emulator and not e2e and not slow

.PHONY: run
run: env ## Bring the platform up, scan the demo (or TARGET=https://…), show what was found, serve until Ctrl-C
	@$(RUN) infra.local.run $(call GIVEN,TARGET)

.PHONY: up
up: env ## Bring the platform up and return when it is ready
	@$(RUN) infra.local.cloud up

.PHONY: down
down: env ## End the platform; its state stays
	@$(RUN) infra.local.cloud down

.PHONY: status
status: env ## Show the platform's processes, addresses and stacks
	@$(RUN) infra.local.cloud status

.PHONY: logs
logs: env ## Print what the functions logged (CONTEXT=scans for those of one context)
	@$(RUN) infra.local.cloud logs $(call GIVEN,CONTEXT)

NODE := node_modules/.package-lock.json
IAM := tests/iam/$(NODE)
PROVIDERS := tests/identity/federation/$(NODE)

.PHONY: check
check: env $(IAM) ## Lint, types, contracts and the fast tests: under a minute
	@$(RUN) infra.gates --quick
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "$(FAST)"

.PHONY: test
test: env $(IAM) $(PROVIDERS) prepare ## Everything: all gates, all tests, their coverage
	@$(RUN) infra.gates
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "not e2e" --cov --cov-report=
	@$(BIN)/pytest -q -m e2e --cov --cov-append --cov-report=term:skip-covered
	@$(RUN) infra.coverage

%/$(NODE): %/package-lock.json
	@npm ci --prefix $* --silent --no-audit --no-fund
	@touch $@

.PHONY: prepare
prepare: env
	@$(RUN) infra.local.cloud prepare

.PHONY: bench
bench: env prepare ## Measure: ours, beside the peer or the limit
	@$(RUN) tests.bench

.PHONY: synth
synth: env ## Synthesise the CDK stacks into cdk.out (STAGE=prod; dev by default)
	@$(RUN) infra.cdk.app --output cdk.out $(if $(call GIVEN,STAGE),--stage $(call GIVEN,STAGE))

.PHONY: new-context
new-context: env ## Make the rooms of a new bounded context (NAME=x): code, contract, infrastructure, tests
	@$(RUN) infra.new_context $(call GIVEN,NAME)

.PHONY: generated
generated: env ## Write what is generated from the code: the API's description, the events, the module catalogue
	@$(RUN) infra.generated

.PHONY: picture
picture: env ## Make the README's picture of a run, from a real one
	@$(RUN) docs.recording

.PHONY: env
env: ## Make the Python environment in .venv, unless it is current
	@sh infra/local/environment.sh

.PHONY: clean
clean: ## End the platform and remove what can be made again; its state stays
	@test ! -x $(BIN)/python || $(RUN) infra.local.cloud down
	@rm -rf .venv build cdk.out .local/assemblies .local/emulator .local/logs .local/run
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage coverage.xml
	@echo "Clean. The local cloud's state and reports are still in .local; remove that folder to forget them too."

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
