# make demo: install what is missing and open the app. make test: the whole test suite. make lint: style and types.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint

demo: .venv/demo
	$(BIN)/python app.py

test: .venv/test
	$(BIN)/python -m pytest

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find comogen_demo -name "*.pyi" -delete  # stubs that gradio writes beside its components; mypy would prefer them
	$(BIN)/mypy

# torch first: sam2 builds against the one that is here. OpenCV without windows last: see requirements.txt.
define install
test -x $(BIN)/python || $(PYTHON) -m venv .venv
$(BIN)/pip install -c requirements.txt torch torchvision setuptools wheel
SAM2_BUILD_CUDA=0 $(BIN)/pip install --no-build-isolation -r $(1)
$(BIN)/pip install --force-reinstall --no-deps -c requirements.txt opencv-python-headless
touch $@
endef

.venv/demo: requirements.txt
	$(call install,requirements.txt)

.venv/test: requirements.txt requirements-dev.txt
	$(call install,requirements-dev.txt)
