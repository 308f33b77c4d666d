# The commands of the README. PYTHON is any Python 3.10 to 3.14; one that is named has an environment of its own:
# `make test PYTHON=python3.13` makes .venv-3.13. VARS is for the command of `make languages`, which runs the demo in six
# languages: `make languages VARS="--vars.config_dir configs/test"` shows in minutes whether all steps work.
PYTHON ?= python3
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])"))
BIN := $(VENV)/bin

.PHONY: run languages serve test
run: $(VENV)/run.stamp
	$(BIN)/python -m scripts.run all
	$(BIN)/python -m scripts.evaluation.report training/en

languages: $(VENV)/run.stamp
	$(BIN)/python -m spacy project run languages . $(VARS)

# The demo's student, baseline and teacher on http://127.0.0.1:8000, after `make run`.
serve: $(VENV)/run.stamp
	$(BIN)/python -m spacy project run serve

test: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/test.stamp: requirements-dev.txt requirements-hub.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install -r requirements-dev.txt
	$(BIN)/python -m pip install --no-deps -r requirements-hub.txt
	touch $@
