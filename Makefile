# Twill. Each target works from a fresh clone, as root, on Debian 12.

SHELL := /bin/sh
export PATH := $(CURDIR)/build/node/bin:$(PATH)
NATIVE := $(shell find native-addon/src cni-plugin/shim -type f ! -name "*.ts" 2>/dev/null) binding.gyp
SOURCES := $(shell find native-addon ipam cni-plugin node-daemon twillctl install e2e bench -name '*.ts' 2>/dev/null) tsconfig.json

.PHONY: help build demo lab test test-unit test-e2e test-nodes check bench clean
help:
	@echo 'make build       build/Release/{twill,netlink.node} and dist/'
	@echo 'make demo        three hosts: pods over VXLAN, then over BGP and two switches; cleans up'
	@echo 'make lab         its three hosts, kept running to play with until Ctrl-C; FABRIC=bgp: on two BGP switches'
	@echo 'make test        unit tests, then e2e (test-unit, test-e2e: one of them)'
	@echo 'make test-nodes  unit tests on Node 22 and 24 as well'
	@echo 'make check       types, lint, formatting'
	@echo 'make bench       side by side with the public peers, one table'

build: build/.native dist/.built

build/.toolchain: install/toolchain.sh
	@install/toolchain.sh build
	@mkdir -p build && touch $@

build/.toolchain-demo: build/.toolchain
	@install/toolchain.sh demo
	@touch $@

build/.toolchain-test: build/.toolchain-demo
	@install/toolchain.sh test
	@touch $@

node_modules/.package-lock.json: package-lock.json package.json | build/.toolchain
	@npm ci --silent
	@touch $@

build/.native: $(NATIVE) node_modules/.package-lock.json | build/.toolchain
	@echo 'build: build/Release/{netlink.node,twill}'
	@install/native.sh
	@touch build/.toolchain $@

dist/.built: $(SOURCES) node_modules/.package-lock.json
	@echo 'build: dist/'
	@node_modules/.bin/tsc -p .
	@touch $@

demo: build build/.toolchain-demo
	@node dist/e2e/demo.js

lab: build build/.toolchain-demo
	@node dist/e2e/demo.js --keep $(if $(FABRIC),--fabric=$(FABRIC))

test: test-unit test-e2e

test-unit: build build/.toolchain-test
	@node_modules/.bin/ava

test-e2e: build build/.toolchain-test
	@node_modules/.bin/ava --config e2e/ava.config.js --serial

test-nodes: build build/.toolchain-test
	@install/test-nodes.sh 22 24

check: build/.native
	@node_modules/.bin/tsc -p . --noEmit
	@node_modules/.bin/eslint .
	@node_modules/.bin/prettier --check --log-level warn .

bench: build build/.toolchain-test
	@node dist/bench/main.js

clean:
	rm -rf build dist coverage
