# What people run and what CI runs are the same commands.

PREFIX ?= /usr
PLUGINDIR ?= $(PREFIX)/lib/nagios/plugins
CARGO ?= cargo
CARGO_TARGET_DIR ?= target
# For the scripts in tests.
export CARGO CARGO_TARGET_DIR NO_INSTALL DOVECOT KEEP
BINARY = $(CARGO_TARGET_DIR)/release/check_imap_session
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# A folder of its own, so that the builds with OpenSSL and with AWS-LC do not compile each other's crates anew.
PORTABLE_TARGET_DIR = $(CARGO_TARGET_DIR)/portable-build
PORTABLE_BINARY = $(abspath $(PORTABLE_TARGET_DIR)/small/check_imap_session)
PORTABLE_FLAGS = --profile small --locked --features portable --target-dir $(PORTABLE_TARGET_DIR)

build:
	$(CARGO) build --release --locked

# Real runs on loopback, against a private Dovecot if one is installed, else against the scripted server of the tests.
# DOVECOT=1 installs and uses Dovecot, DOVECOT=0 never uses it, KEEP=1 keeps the server, NO_INSTALL=1 installs nothing.
demo:
	@tests/demo.sh

# The last lines say what passed and what was left out. With NO_INSTALL=1 nothing is installed, and tests are left out.
test: needs lint
	@tests/run.sh

portable-build:
	@tests/install-needs.sh build portable
	$(CARGO) build $(PORTABLE_FLAGS)

# The build with AWS-LC by the same tests. Its unit tests are built with AWS-LC, too.
test-portable: lint-portable test-portable-runs
	$(CARGO) test $(PORTABLE_FLAGS) --lib

# The tests of whole runs, which are those of `make test`: their scripted servers use OpenSSL, and the program that they run
# is the portable one. SESSION_TESTS is a list of what the names of tests have in them, and by default it is empty: all.
SESSION_TESTS ?=
test-portable-runs: needs portable-build
	TESTED_BINARY=$(PORTABLE_BINARY) $(CARGO) test --release --locked --test session -- $(SESSION_TESTS)

# Writes what is made of the tables of options and operations: tables in README and docs, parts of the man page,
# the completions. And the picture in README, of the run that is recorded in docs/timeline.ansi.
generated:
	$(CARGO) run -q --locked --example generate

# Records that run anew.
picture:
	RECORD_PICTURE=1 $(CARGO) test -q --locked --test session picture::
	$(MAKE) generated

# With the real programs of icinga/README.md, dpkg, rpm, man, shells, an OAuth server and Grafana's types; what cannot be
# installed is skipped and said. `make deb` and `make rpm` before it have the packages tested as well.
test-consumers: needs
	@tests/install-needs.sh consumers || echo "SOME PROGRAMS ARE MISSING: their tests are skipped" >&2
	@tests/install-needs.sh director || echo "NO DIRECTOR: its test is skipped" >&2
	@tests/install-needs.sh zabbix || echo "NO ZABBIX: its tests are skipped" >&2
	$(CARGO) test --release --locked --test consumers -- --nocapture

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) clippy --test soak --test consumers --test cluster --locked -- -D warnings

# The same for the code that only the portable build has.
lint-portable:
	@tests/install-needs.sh build portable
	$(CARGO) clippy $(PORTABLE_FLAGS) --lib --bins -- -D warnings

# Runs with random faults (SOAK_RUNS, SOAK_SEED, SOAK_JOBS; SOAK_ONLY=NUMBER repeats one): minutes, a table, violations.
soak: needs
	$(CARGO) test -q --release --locked --test soak

# Master and two satellites of Icinga 2 on loopback: test-cluster takes one satellite away and gives it back, 8 minutes;
# bench-cluster measures the processor time of 500, 1,000 and 2,000 services a minute, 5 minutes each (CLUSTER_SERVICES,
# CLUSTER_MINUTES).
test-cluster bench-cluster:
	@tests/install-needs.sh build test cluster
	$(CARGO) test -q --release --locked --test cluster -- $@

# What a run of either build costs beside other programs, and how exact the times of the default build are: minutes each, a
# table (BENCH_ROUNDS, EXACTNESS_RUNS).
# exactness captures packets, which only root may.
bench exactness:
	@tests/install-needs.sh build test bench
	$(CARGO) build --release --locked --example bare
	PORTABLE_BINARY=$(PORTABLE_BINARY) $(CARGO) bench -q --locked --bench $@
bench: portable-build

# Each target for so long; what is needed and what the targets are, fuzz/README.md says.
FUZZ_SECONDS ?= 60
fuzz:
	$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	set -e; for target in $$($(CARGO) fuzz list); do \
		echo "== $$target"; \
		mkdir -p fuzz/target/found/$$target; \
		$(CARGO) fuzz run --sanitizer none $$target fuzz/target/found/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -dict=fuzz/$$target.dict -max_len=2048 -timeout=5 -rss_limit_mb=512 \
			-verbosity=0 -print_final_stats=1; \
	done

# Installs the Debian packages that are missing, as root or with sudo, and says before which these are.
needs:
	@tests/install-needs.sh

# Where the shells look: zsh of Debian has a folder of its own for what packages bring.
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(and $(filter /usr,$(PREFIX)),$(DEBIAN)),vendor-completions,site-functions)
DEBIAN = $(wildcard /etc/debian_version)

install:
	test -f $(BINARY) || $(MAKE) build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PLUGINDIR)/check_imap_session
	install -D -m 644 debian/check_imap_session.1 $(DESTDIR)$(PREFIX)/share/man/man1/check_imap_session.1
	install -D -m 644 debian/completions/check_imap_session.bash $(DESTDIR)$(BASHDIR)/check_imap_session
	install -D -m 644 debian/completions/_check_imap_session $(DESTDIR)$(ZSHDIR)/_check_imap_session

# The Debian package, in target/deb: built in a copy, because dpkg-buildpackage writes beside the folder that it builds,
# and without the unit tests, which `make test` runs.
deb:
	@tests/install-needs.sh build package
	rm -rf $(CARGO_TARGET_DIR)/deb
	mkdir -p $(CARGO_TARGET_DIR)/deb/build/source
	tar -c --exclude=./target --exclude=./fuzz/target --exclude=./fuzz/artifacts --exclude=./.git . | \
		tar -x -C $(CARGO_TARGET_DIR)/deb/build/source
	cd $(CARGO_TARGET_DIR)/deb/build/source && env -u MAKEFLAGS DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b
	lintian --allow-root --display-info --pedantic --fail-on error,warning $(CARGO_TARGET_DIR)/deb/build/*.changes
	mv $(CARGO_TARGET_DIR)/deb/build/*.* $(CARGO_TARGET_DIR)/deb
	rm -rf $(CARGO_TARGET_DIR)/deb/build
	ls -l $(CARGO_TARGET_DIR)/deb

# An archive for any Linux with glibc 2.17 or later, in target/portable, with AWS-LC in place of the system's OpenSSL.
portable:
	@debian/portable.sh

# The archive, and its tests; in one of them its plugin runs in a Debian 11 that debootstrap makes.
test-portable-package: portable
	@tests/install-needs.sh dovecot debootstrap
	$(CARGO) test --release --locked --test consumers -- --nocapture portable::

# The RPM package, in target/rpm: for Enterprise Linux 9 and later if it is made on Debian 12. What is in it, debian/rpm.spec
# says.
RPM = $(abspath $(CARGO_TARGET_DIR))/rpm
rpm: build
	@tests/install-needs.sh rpm
	rm -rf $(RPM)
	mkdir -p $(RPM)
	debian/crates.sh > $(RPM)/crates.txt
	env -u MAKEFLAGS rpmbuild -bb --quiet debian/rpm.spec --define 'source $(CURDIR)' \
		--define 'target $(abspath $(CARGO_TARGET_DIR))' --define 'crate $(VERSION)' --define '_topdir $(RPM)/build' \
		--define '_rpmdir $(RPM)' --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm'
	rm -rf $(RPM)/build $(RPM)/crates.txt
	ls -l $(RPM)

clean:
	$(CARGO) clean

.PHONY: build demo test generated picture test-consumers lint soak test-cluster bench-cluster bench exactness fuzz needs install deb rpm clean portable-build test-portable test-portable-runs lint-portable portable test-portable-package
