# The commands of the house; `make` alone lists them. All of them set up what they need by themselves.

HOST = 127.0.0.1
PORT ?= 8000
T = tests
BIN = .venv/bin
CODE = src tests bench
WORDS = src/credtrail/web/languages

help: ## List the commands.
	@echo "Credtrail. From a fresh clone, begin with: make run"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.runtime ## Serve on http://127.0.0.1:8000 with SQLite in ./var and a demo world (PORT=…, HOST=…); Ctrl-C stops.
	@$(BIN)/credtrail demo
	@echo "  Serving until Ctrl-C."
	@exec $(BIN)/credtrail serve --with-work --host $(HOST) --port $(PORT)

run: export CREDTRAIL_PUBLIC_URL ?= http://$(subst 0.0.0.0,127.0.0.1,$(HOST)):$(PORT)
run: export CREDTRAIL_LOG_FORMAT ?= console
run: export CREDTRAIL_LOG_LEVEL ?= warning

install: .venv/.runtime ## Make .venv/bin/credtrail, with what is needed to run it and nothing else.
	@echo "Installed: $(BIN)/credtrail"

test: .venv/.dev ## Run all tests: SQLite, PostgreSQL, a real server, a real browser (T=tests/wire for a part).
	@$(BIN)/pytest -n 2 --dist worksteal $(T)

check: .venv/.dev ## What CI does: format, lint, types, import contracts, then all tests (documents among them).
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "Not formatted; make fix mends it."; exit 1; }
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n 2 --dist worksteal

fix: .venv/.dev ## Mend format, lint and docs/settings.md as far as that goes by itself.
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/credtrail settings > docs/settings.md

smoke: .venv/.dev ## Start the program, post, view, count, stop: the main job once, in seconds.
	@$(BIN)/python tests/smoke.py

fuzz: .venv/.dev ## Hold properties and the API document against four times as many generated cases as `make test` does; everything on both databases.
	@THOROUGH=1 $(BIN)/pytest -n 2 --dist worksteal

bench: .venv/.dev ## Measure durable interactions a second and their latency, beside what the machine can do.
	@$(BIN)/python bench/bench.py

soak: .venv/.dev ## Kill server and database under load, again and again; nothing acknowledged may be lost.
	@$(BIN)/python bench/soak.py

pages: .venv/.dev ## Take pictures of every page in every state.
	@$(BIN)/python tests/pictures.py
	@for part in credential design insights sign_in workspace; do $(BIN)/python tests/dashboard/$${part}_pictures.py pictures; done

languages: .venv/.dev ## Gather the pages' words anew and bring the catalogues up to them; translate what is empty then.
	@$(BIN)/pybabel -q extract -F $(WORDS)/babel.cfg --no-location --sort-output --project credtrail --version "" \
	  --copyright-holder "The authors of Credtrail" -o $(WORDS)/words.pot src/credtrail
	@for language in de fr es pt pl ar zh ja; do $(BIN)/pybabel -q update -i $(WORDS)/words.pot --no-fuzzy-matching \
	  --ignore-obsolete --init-missing --ignore-pot-creation-date -w 110 -l $$language -o $(WORDS)/$$language.po; done

lock: .venv/.dev ## Write requirements/ anew from pyproject.toml, with the newest versions that fit.
	@sh tools/lock.sh

clean: ## Remove what was made here, but for ./var, where the data is.
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml requirements/runtime.txt tools/set_up.sh
	@sh tools/set_up.sh runtime run

.venv/.dev: pyproject.toml requirements/dev.txt tools/set_up.sh
	@sh tools/set_up.sh dev test

.PHONY: help run install test check fix smoke fuzz bench soak pages languages lock clean
