# Everything a newcomer, an administrator or CI asks for, one word each: `make help`.

DESTDIR ?=
CARGO ?= cargo
# Only Debian's toolchain has the sources of the standard library, so only it can build for targets that have
# nothing prebuilt.
CROSS = RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Dwarnings /usr/bin/cargo
SOLARIS = x86_64-pc-solaris sparcv9-sun-solaris x86_64-unknown-illumos

# Toolchains and flags keep to a folder each, or they would rebuild one another's work.
check-pure: export CARGO_TARGET_DIR = target/pure
check-solaris: export CARGO_TARGET_DIR = target/solaris

.PHONY: help build test man demo bench lint check-pure check-solaris install deb test-deb deb-reproducible clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' Makefile

build: ## the program, optimised: target/release/bng
	packaging/install-dependencies.sh build
	$(CARGO) build --release

test: ## all tests; as root also end to end in network namespaces
	packaging/install-dependencies.sh build test
	tests/run.sh

man: ## write the generated parts of manual pages and shell completions anew from the tables
	BNG_BLESS=1 $(CARGO) test --test drift generated

demo: ## the proof of concept and a farm of two web servers, live in network namespaces (root, under 2 minutes)
	demo/poc.sh

bench: ## the figures of BENCHMARKS.md on this machine (root, about 5 minutes)
	packaging/install-dependencies.sh build bench
	$(CARGO) bench --bench engine
	$(CARGO) bench --bench veth

lint: ## formatting and clippy, warnings are errors
	packaging/install-dependencies.sh build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

check-pure: ## build the balancer's pure half for a target without an operating system
	packaging/install-dependencies.sh cross
	$(CROSS) build -p bng --lib --no-default-features -Z build-std=std,panic_abort --target wasm32-unknown-unknown

check-solaris: ## type-check everything for Solaris (x86, SPARC) and illumos: checked, not run
	packaging/install-dependencies.sh cross
	LIBPCAP_VER=1.10.0 $(CROSS) check --workspace -Z build-std=std,panic_unwind $(SOLARIS:%=--target %)

install: ## install into $(DESTDIR)/ what packaging/files.txt lists
	packaging/install-files.sh "$(DESTDIR)"

deb: ## Debian packages, checked by lintian: target/deb/*.deb
	packaging/install-dependencies.sh build deb
	packaging/debian/build.sh

test-deb: ## install, run, upgrade and purge them on a minimal Debian with systemd (root, about 4 minutes)
	packaging/install-dependencies.sh build test-deb
	packaging/debian/test.sh

deb-reproducible: ## build them again in another folder and compare every byte
	packaging/install-dependencies.sh build deb
	packaging/debian/reproducible.sh

clean: ## remove everything that was built
	$(CARGO) clean
