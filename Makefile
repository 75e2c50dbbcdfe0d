# Everything runs in .venv, which is made on first use with the Python that is found here. The tests
# run in three processes, since many of them wait for other processes; ARGS="-n 0" is one.
# `make run ARGS="--port 9000"` and `make test ARGS=tests/unit` hand options on, and so does
# `make bench ARGS=--quick` and `make soak ARGS="--seconds 600"`.

.PHONY: run test check bench soak fuzz

run: .venv/run.stamp
	@exec .venv/bin/python manage.py up $(ARGS)

test: .venv/dev.stamp
	@exec .venv/bin/python -m pytest -n 3 --dist loadfile $(ARGS)

soak: .venv/dev.stamp
	@exec .venv/bin/python -m tests.faults $(ARGS)

bench: .venv/run.stamp
	@exec .venv/bin/python -m benchmarks $(ARGS)

# Thousands of requests made of the published description, against a real server: five minutes.
fuzz: .venv/dev.stamp
	@FUZZ_EXAMPLES=20 exec .venv/bin/python -m pytest -s tests/e2e/test_generated_requests.py $(ARGS)

check: .venv/dev.stamp
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/lint-imports
	.venv/bin/python -m mypy

.venv/run.stamp: requirements.txt | .venv/python.stamp
	@echo "Installing what Levante needs (once, about a minute)"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-dev.txt | .venv/python.stamp
	@echo "Installing what Levante and its tests need (once, about a minute)"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# An environment that works is kept, one that was left half made is made anew.
.venv/python.stamp:
	@if ! .venv/bin/python -c "import pip" 2>/dev/null; then \
		rm -rf .venv; \
		for python in python3 python3.13 python3.12 python3.11 python; do \
			if $$python -c "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" \
				2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "Levante needs Python 3.11, 3.12 or 3.13 with venv (on Debian: python3-venv)" >&2; exit 1; \
		fi; \
		echo "Making .venv with $$($$found --version)"; \
		$$found -m venv .venv; \
	fi
	@touch $@
