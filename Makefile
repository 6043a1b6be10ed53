# Everything a newcomer, an administrator or CI asks for, one word each: `make help`.

DESTDIR ?=
CARGO ?= cargo
# Only Debian's toolchain has the sources of the standard library, so only it can build for targets that have
# nothing prebuilt.
CROSS = RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Dwarnings /usr/bin/cargo
SOLARIS = x86_64-pc-solaris sparcv9-sun-solaris x86_64-unknown-illumos
# Clippy in the place of the compiler, for our own packages: it compiles as well, so one pass does for both.
CLIPPY = RUSTC_WORKSPACE_WRAPPER=/usr/bin/clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
BIGENDIAN = s390x-unknown-linux-gnu

# Toolchains and flags keep to a folder each, or they would rebuild one another's work.
check-pure: export CARGO_TARGET_DIR = target/pure
check-solaris: export CARGO_TARGET_DIR = target/solaris
check-bigendian: export CARGO_TARGET_DIR = target/bigendian
check-freebsd: export CARGO_TARGET_DIR = target/freebsd
# What is never run has to be neither fast nor debugged.
check-pure check-solaris check-freebsd: export CARGO_PROFILE_DEV_OPT_LEVEL = 0
check-pure check-solaris check-bigendian check-freebsd: export CARGO_PROFILE_DEV_DEBUG = 0
check-solaris: export CARGO_PROFILE_DEV_STRIP = none
check-solaris check-freebsd: export LIBPCAP_VER = 1.10.0
check-solaris: export CARGO_TARGET_X86_64_PC_SOLARIS_LINKER = $(CURDIR)/tests/solaris/link.sh
check-solaris: export CARGO_TARGET_SPARCV9_SUN_SOLARIS_LINKER = $(CURDIR)/tests/solaris/link.sh
check-solaris: export CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_LINKER = $(CURDIR)/tests/solaris/link.sh
check-bigendian: export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER = s390x-linux-gnu-gcc
check-bigendian: export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER = qemu-s390x -L /usr/s390x-linux-gnu

.PHONY: help build test man demo bench lint check-pure check-solaris check-bigendian check-freebsd install ips sysv \
	deb test-deb deb-reproducible static clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' Makefile

build: ## the programs, optimised: target/release/bng and target/release/bngagent
	packaging/install-dependencies.sh build
	$(CARGO) build --release
	# Alone, or it would get what the balancer needs of the system: libpcap.
	$(CARGO) build --release -p bngagent

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
	$(CARGO) bench --bench engine -- instructions
	$(CARGO) bench --bench veth

lint: ## formatting and clippy, warnings are errors
	packaging/install-dependencies.sh build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

check-pure: ## build the balancer's pure half for a target without an operating system
	packaging/install-dependencies.sh cross
	$(CROSS) build -p bng --lib --no-default-features -Z build-std=std,panic_abort --target wasm32-unknown-unknown

check-solaris: ## compile for Solaris (x86, SPARC) and illumos, clippy and the names of libraries included: not run
	packaging/install-dependencies.sh build cross
	$(CLIPPY) $(CROSS) build --workspace --lib --bins -Z build-std=std,panic_unwind $(SOLARIS:%=--target %)

check-bigendian: ## unit tests of the balancer's pure half on an emulated big-endian machine, as SPARC is one
	packaging/install-dependencies.sh bigendian
	# Texts have no order of bytes, and reading them takes the emulator long.
	$(CROSS) test -p bng --lib --no-default-features -Z build-std=std,panic_unwind --target $(BIGENDIAN) -- \
		--skip conf:: --skip cli::

check-freebsd: ## type-check and clippy for FreeBSD, whose only door is libpcap: not run
	packaging/install-dependencies.sh build cross
	$(CLIPPY) $(CROSS) check --workspace --lib --bins -Z build-std=std,panic_unwind --target x86_64-unknown-freebsd

install: ## install into $(DESTDIR)/ what packaging/files.txt lists
	packaging/install-files.sh "$(DESTDIR)"

ips: ## the package for Solaris 11.4 and illumos: target/ips/bng.p5p (there; elsewhere its manifest)
	packaging/ips/build.sh

sysv: ## the package for systems with pkgadd: target/svr4/bng.pkg (there; elsewhere its prototype)
	packaging/svr4/build.sh

deb: ## Debian packages, checked by lintian: target/deb/*.deb
	packaging/install-dependencies.sh build deb
	packaging/debian/build.sh

test-deb: ## install, run, upgrade and purge them on a minimal Debian with systemd (root, about 4 minutes)
	packaging/install-dependencies.sh build test-deb
	packaging/debian/test.sh

deb-reproducible: ## build them twice, the second time in another folder, and compare every byte
	packaging/install-dependencies.sh build deb
	packaging/debian/reproducible.sh

static: ## bng without shared libraries, given LIBPCAP_LIBDIR (packaging/README.md): target/static/bng
	packaging/install-dependencies.sh build
	packaging/static.sh

clean: ## remove everything that was built
	$(CARGO) clean
