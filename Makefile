# What people type. Everything is done by the programs in dev/.

.PHONY: help demo screenshots test test-stock-pilot lint unit bench bench-fair bench-pilot bench-redaction bench-queue bench-readers scale faults faults-queue clean base tools
.NOTPARALLEL:

PYTHON := dev/python
SECONDS := 4
ROUNDS := 5
SEED := 1
PILOTS := 60
MINUTES := 10
PROFILE := module
LOGS := 200000

help:
	@echo "make demo          20 pilots send their logs to a real collector; is every byte stored, and once?"
	@echo "make demo KEEP=1   the same with DIRAC's web portal, and leave it running to be tried by hand"
	@echo "make screenshots   the pictures of the portal in docs/img"
	@echo "make test          all checks and tests"
	@echo "make test-stock-pilot PILOT=CHECKOUT  the worker-node module in DIRAC's own pilot, a checkout of DIRACGrid/Pilot"
	@echo "make lint          ruff, mypy, eslint, and the documentation as pages (build/site)"
	@echo "make unit          the tests of the core, without DIRAC and MariaDB: seconds"
	@echo "make bench         DIRAC's collector and ours under the same load (SECONDS=$(SECONDS) each, ROUNDS=$(ROUNDS))"
	@echo "make bench-pilot   what sending its log costs a pilot, with the stock logger and with our module (PILOT=CHECKOUT ROUNDS=3)"
	@echo "make bench-redaction  what taking secrets out of a message costs"
	@echo "make bench-queue   from PilotLogDB to ActiveMQ and RabbitMQ, beside a bare loop (ROUNDS=$(ROUNDS))"
	@echo "make bench-fair    what one VO's pilots and readers notice of what another VO does"
	@echo "make bench-readers  how fast people read a large log and the list of many, and what it costs the pilots (LOGS=$(LOGS) DATABASE=sqlite)"
	@echo "make scale         PILOTS=100000 pilots, each with a connection: is each line stored, once, and how soon? Half an hour (MINUTES=$(MINUTES) PROFILE=module|stock|mixed COLLECTORS=n DATABASE=sqlite)"
	@echo "make faults-queue  brokers are killed, hang, are full; is each line read, once, in order? Ten minutes"
	@echo "make faults        pilots write while everything fails at random; is each line stored, once? (SECONDS=60 SEED=$(SEED) PILOTS=$(PILOTS))"
	@echo "make clean         remove what was installed and built here"

screenshots: tools
	dev/screenshots

demo: $(if $(KEEP),tools,base)
	dev/demo $(if $(KEEP),--keep)

test: lint
	$(PYTHON) -m pytest tests/unit -n 2 --dist loadfile
	$(PYTHON) -m pytest tests --ignore=tests/unit --ignore=tests/faults -n 4 --dist loadfile --no-loadscope-reorder
	$(PYTHON) -m pytest tests/faults

test-stock-pilot: tools
	@test -f "$(PILOT)/Pilot/dirac-pilot.py" || \
	    { echo "make test-stock-pilot: PILOT=$(PILOT) is no checkout of DIRACGrid/Pilot" >&2; exit 2; }
	PILOT="$(abspath $(PILOT))" $(PYTHON) -m pytest tests/pilot -n 2 --dist loadfile -k "stock or faults or sender"

lint: tools
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/node .venv/node/node_modules/eslint/bin/eslint.js
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build -q --strict

unit: tools
	$(PYTHON) -m pytest tests/unit -k 'not mariadb'

bench: base
	dev/bench --seconds $(SECONDS) --rounds $(ROUNDS)
	dev/bench-fair --seconds $(SECONDS)

bench-fair: SECONDS = 10
bench-fair: base
	dev/bench-fair --seconds $(SECONDS)

bench-pilot: ROUNDS = 3
bench-pilot: SECONDS = 20
bench-pilot: base
	dev/bench-pilot --rounds $(ROUNDS) --seconds $(SECONDS) $(if $(PILOT),--pilot "$(PILOT)")

bench-redaction: tools
	PYTHONPATH=dev $(PYTHON) -m benchmark.redaction

bench-queue: tools
	dev/bench-queue --rounds $(ROUNDS)

bench-readers: tools
	dev/bench-readers --rounds $(ROUNDS) --logs $(LOGS) $(if $(DATABASE),--database $(DATABASE))

scale: PILOTS = 100000
scale: tools
	dev/scale --pilots $(PILOTS) --minutes $(MINUTES) --profile $(PROFILE) $(if $(COLLECTORS),--collectors $(COLLECTORS)) \
	    $(if $(DATABASE),--database $(DATABASE))

faults-queue: tools
	dev/faults-queue

faults: SECONDS = 60
faults: tools
	@failed=0; for database in $(or $(DATABASE),mariadb sqlite); do \
	    dev/faults --database $$database --seconds $(SECONDS) --seed $(SEED) --pilots $(PILOTS) || failed=1; \
	done; exit $$failed

clean:
	rm -rf .venv build dist src/*.egg-info .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests dev -name __pycache__ -prune -exec rm -rf {} +

base:
	dev/install base

tools:
	dev/install test
