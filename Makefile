# A thin front of CMake. `make` builds; `make demo` and `make test` also install what is missing (Debian) and say what.
BUILD  ?= build
PREFIX ?= /usr/local
JOBS   := $(shell nproc)
TARGET := installed

.PHONY: all deps demo test reliability fuzz bench install bundle clean

all:
	@cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) > $(BUILD).log 2>&1 || { cat $(BUILD).log; echo "run 'make deps' first"; exit 1; }
	@rm -f $(BUILD).log
	@MAKEFLAGS=--no-print-directory cmake --build $(BUILD) -j $(JOBS) --target $(TARGET)

deps:
	@tools/deps.sh

demo:
	@tools/deps.sh data
	@$(MAKE) --no-print-directory all TARGET=approxrun
	@$(BUILD)/approxrun data get mnist
	@$(BUILD)/approxrun sweep experiments/mnist.lua
	@$(BUILD)/approxrun compare results/mnist mbm mit
	@$(BUILD)/approxrun plot results/mnist.h5 --kind width -o results/mnist.svg

test:
	@tools/deps.sh data test
	@$(if $(LONG),APPROXRUN_LONG_TESTS=1) tests/run.sh $(BUILD)

reliability: TARGET := approxrun
reliability: all
	@tools/deps.sh data test
	@MAKEFLAGS= cmake --build $(BUILD) -j $(JOBS) --target fakes > $(BUILD)/reliability.log || { cat $(BUILD)/reliability.log; exit 1; }
	@BUILD=$(BUILD) SHORT=$(SHORT) tests/reliability/table.bash

fuzz:
	@tools/deps.sh test
	@BUILD=$(BUILD)/fuzz tests/fuzz/run.sh 60

bench:
	@tools/deps.sh data
	@$(MAKE) --no-print-directory all TARGET=approxrun
	@$(BUILD)/approxrun data get mnist
	@$(BUILD)/approxrun bench gemm --threads 1
	@echo
	@$(BUILD)/approxrun bench gemm --shape 1024x1024x1024
	@echo
	@$(BUILD)/approxrun bench train experiments/mnist.lua

install: all
	@cmake --install $(BUILD)

bundle: all
	@tools/bundle.sh $(BUILD)

clean:
	@rm -rf $(BUILD) build-* dist
