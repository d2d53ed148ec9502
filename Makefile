PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Where bytecode is not kept, each of the tests' many processes compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo ui test test-engines suite check rooms columns browser servers spark image security audit sbom dependencies \
	bench peers chaos fuzz growth quality clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 8

demo: $(VENV)/installed ## Install, and run the main job on the embedded sample
	$(BIN)/forecast run
	@echo "Open the UI with: make ui"

PORT ?= 3000
ui: $(VENV)/installed ## Open the Dagster UI and daemon on http://localhost:3000, or PORT=...
	$(BIN)/forecast ui --port $(PORT)

# CI sets it to the least share of lines and branches that tests must reach, in percent.
COVERAGE ?=
test: $(VENV)/installed-dev browser ## Install what tests need, then check beside the tests: what CI runs
	@$(MAKE) --no-print-directory --jobs 2 check suite

# Tests wait for daemons and browsers; the types are checked in those moments.
suite: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder \
		-m "not engine" \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE))

test-engines: $(VENV)/installed-engines servers spark ## Test engines and servers beside the embedded ones, and deploy/
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m engine

check: $(VENV)/installed-dev ## Check format, lint, types, which room imports which, and what is declared
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

rooms: $(VENV)/installed-dev ## Draw the picture of the rooms in ARCHITECTURE.md from the imports
	$(BIN)/python -m forecast_assets_tests.rooms

columns: $(VENV)/installed-dev ## List the columns in docs/tables.md from the tables that are declared
	$(BIN)/python -m forecast_assets_tests.columns

browser: ## Install Chromium, which the report's tests need, where it is missing
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| { apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } \
		|| { echo "Chromium is needed: install it, for example by apt-get install chromium"; exit 1; }

servers: ## Install PostgreSQL, Redis and rsync, which the tests of engines start, where they are missing
	@{ ls /usr/lib/postgresql/*/bin/initdb && command -v redis-server && command -v rsync; } >/dev/null 2>&1 \
		|| { apt-get update -q && apt-get install -q -y --no-install-recommends postgresql redis-server rsync; } \
		|| { echo "PostgreSQL, Redis and rsync are needed: install them, for example by apt-get"; exit 1; }

spark: $(VENV)/spark-jars/installed ## Install Java, and the jars by which Spark reads and writes Delta tables

# Spark has the jars of other groups itself.
SPARK_LACKS := io.delta,io.unitycatalog,org.apache.hadoop,software.amazon.awssdk,software.amazon.eventstream,software.amazon.s3.analyticsaccelerator,org.reactivestreams
$(VENV)/spark-jars/installed: forecast_assets_tests/spark_jars/pom.xml | $(BIN)/python
	@{ command -v java && command -v mvn; } >/dev/null \
		|| { apt-get update -q && apt-get install -q -y --no-install-recommends openjdk-17-jre-headless maven; } \
		|| { echo "Java and Maven are needed: install them, for example by apt-get"; exit 1; }
	mvn --batch-mode --quiet --file $< org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DincludeScope=runtime -DincludeGroupIds=$(SPARK_LACKS) \
		-DoutputDirectory=$(CURDIR)/$(VENV)/spark-jars
	@touch $@

image: ## Build the image of deploy/Dockerfile with buildah, as root and without a registry: BASE=... is its base
	@{ command -v buildah && command -v debootstrap; } >/dev/null \
		|| { apt-get update -q && apt-get install -q -y --no-install-recommends buildah debootstrap crun; } \
		|| { echo "buildah and debootstrap are needed: install them, for example by apt-get"; exit 1; }
	deploy/image.sh

security: $(VENV)/installed-dev browser ## Show the promises of SECURITY.md on a whole system
	$(BIN)/python -m forecast_assets_tests.security

$(VENV)/installed-audit: pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet 'cyclonedx-bom==7.5.0' 'pip-audit==2.10.1'
	@touch $@

audit: $(VENV)/installed-audit ## Compare the pinned releases with published vulnerabilities; needs the internet
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip
	$(VENV)/audit/bin/pip-audit --requirement benchmarks/peers/pins.txt --no-deps --disable-pip

sbom: $(VENV)/installed-audit $(VENV)/installed ## Write build/sbom.json: what is installed, as CycloneDX
	@mkdir -p build
	$(VENV)/audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml \
		--output-reproducible --short-PURLs --output-file build/sbom.json

dependencies: $(VENV)/installed-dev ## List the direct dependencies in docs/dependencies.md
	$(BIN)/python -m forecast_assets_tests.security.dependencies

bench: $(VENV)/installed-dev ## Measure drawing, storing, training, a backfill, plans, ticks, and a day of ten commodities
	$(BIN)/python -m benchmarks.paths
	$(BIN)/python -m benchmarks.backfill
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.planning
	$(BIN)/python -m benchmarks.rounding
	$(BIN)/python -m benchmarks.tick

$(VENV)/installed-peers: pyproject.toml constraints.txt benchmarks/peers/pins.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/peers
	grep -v '^pandas==' constraints.txt > $(VENV)/peers/constraints.txt
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check install --quiet \
		--constraint $(VENV)/peers/constraints.txt --requirement benchmarks/peers/pins.txt \
		scoringrules --editable .
	@touch $@

PLOTS ?= build/peers
peers: $(VENV)/installed-peers ## Measure against statsforecast, statsmodels, arch and pandas: PLOTS=build/peers
	$(VENV)/peers/bin/python -m benchmarks.peers --plots $(PLOTS)

SECONDS ?= 60
fuzz: $(VENV)/installed-dev ## Fuzz what strangers may write, each target for SECONDS=60
	@for target in $$(ls forecast_assets_tests/fuzz/corpus); do \
		$(BIN)/python -m forecast_assets_tests.fuzz $$target --seconds $(SECONDS) || exit 1; done

growth: $(VENV)/installed-dev ## Compare a day after 1,976 days with one after 150: DAYS=2000 has all days come
	$(BIN)/python -m forecast_assets_tests.growth $(if $(DAYS),--days $(DAYS),--compare)

KILLS ?= 100
SEED ?= 14
CROWD ?= 30
# --fewer: when the time is over, fewer kills than were asked for are no failure.
FEWER ?=
chaos: $(VENV)/installed-dev ## Kill runs and daemons and compare, then let all work at once: KILLS=1000 CROWD=300
	$(BIN)/python -m forecast_assets_tests.chaos --seed $(SEED) --kills $(KILLS) $(FEWER)
	$(BIN)/python -m forecast_assets_tests.chaos --seed $(SEED) --kills 4 --scene daemon --seconds 900
	$(BIN)/python -m forecast_assets_tests.chaos.crowd --seconds $(CROWD)

FILES ?= --samples --from 2012-01-01 --to 2020-12-31
quality: $(VENV)/installed-dev ## Score a backfill against a random walk: FILES="a.csv b.csv", or the samples
	$(BIN)/python -m benchmarks.quality $(FILES)

clean: ## Remove the virtual environment and caches; data and history stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-engines: $(VENV)/installed-dev
	$(PIP) install --quiet --constraint constraints.txt --editable '.[engines]'
	@touch $@
