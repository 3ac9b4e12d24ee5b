# The front door. Each target installs what it needs on a fresh Debian 12 with Rust 1.95 or newer; run and bench need root.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test bench fmt lint clean record-ipvs

# `make test LONG=1`, `make run ONCE=1`: both work as variables of make and of the environment.
export LONG ONCE

help:
	@echo "make run      a lab on this machine: client, balancer, three web servers; Ctrl-C ends it (ONCE=1: ends by itself)"
	@echo "make test     all tests at CI size (LONG=1: full counts, report in target/long/)"
	@echo "make bench    the balancer and its peers side by side; report in target/bench/"
	@echo "make fmt      format the sources"
	@echo "make lint     format check and clippy"
	@echo "make record-ipvs  record anew what IPVS of Debian's kernel chooses, in QEMU (half an hour; the tests replay it)"
	@echo "make clean    remove build results, and what labs of crashed processes left"

run:
	@tests/setup.sh run
	@cargo build -q --release --bin suimon
	@cargo build -q --release -p lab --bins
	@cargo run -q --release -p lab --bin lab

test:
	@tests/setup.sh test
	@tests/all.sh

bench:
	@tests/setup.sh bench
	@cargo build -q --release --bin suimon
	@cargo build -q --release -p lab --bins
	@cargo run -q --release -p lab --bin bench

fmt:
	cargo fmt --all

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

record-ipvs:
	@tests/conformance/record/record.sh

clean:
	-@cargo run -q -p lab --bin lab -- clean
	cargo clean
