# What people type. Everything is done by the programs in dev/.

.PHONY: help demo test lint unit bench bench-redaction faults clean base tools
.NOTPARALLEL:

PYTHON := dev/python
SECONDS := 4
ROUNDS := 5
SEED := 1
PILOTS := 60

help:
	@echo "make demo          20 pilots send their logs to a real collector; is every byte stored, and once?"
	@echo "make demo KEEP=1   the same, and leave it running to be tried by hand"
	@echo "make test          all checks and tests"
	@echo "make lint          ruff and mypy only"
	@echo "make unit          the tests of the core, without DIRAC and MariaDB: seconds"
	@echo "make bench         DIRAC's collector and ours under the same load (SECONDS=$(SECONDS) each, ROUNDS=$(ROUNDS))"
	@echo "make bench-redaction  what taking secrets out of a message costs"
	@echo "make faults        pilots write while everything fails at random; is each line stored, once? (SECONDS=60 SEED=$(SEED) PILOTS=$(PILOTS))"
	@echo "make clean         remove what was installed and built here"

demo: base
	dev/demo $(if $(KEEP),--keep)

test: lint
	$(PYTHON) -m pytest tests/unit -n 2 --dist loadfile
	$(PYTHON) -m pytest tests --ignore=tests/unit --ignore=tests/faults -n 3 --dist loadfile
	$(PYTHON) -m pytest tests/faults

lint: tools
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy

unit: tools
	$(PYTHON) -m pytest tests/unit -k 'not mariadb'

bench: base
	dev/bench --seconds $(SECONDS) --rounds $(ROUNDS)

bench-redaction: tools
	PYTHONPATH=dev $(PYTHON) -m benchmark.redaction

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
