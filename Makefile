# What people run and what CI runs are the same commands.

PREFIX ?= /usr
PLUGINDIR ?= $(PREFIX)/lib/nagios/plugins
CARGO ?= cargo
CARGO_TARGET_DIR ?= target
BINARY = $(CARGO_TARGET_DIR)/release/check_imap_session

build:
	$(CARGO) build --release --locked

# Real runs against a private Dovecot on loopback.
demo: needs build
	tests/demo.sh $(BINARY)

test: needs lint
	$(CARGO) test --release --locked
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --locked

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings

# Runs with random faults (SOAK_RUNS, SOAK_SEED, SOAK_JOBS; SOAK_ONLY=NUMBER repeats one): minutes, a table, violations.
soak: needs
	$(CARGO) test -q --release --locked --test soak

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

# Installs Debian packages where they are missing: as root, or with sudo.
needs:
	tests/install-needs.sh

install:
	test -f $(BINARY) || $(MAKE) build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PLUGINDIR)/check_imap_session

clean:
	$(CARGO) clean

.PHONY: build demo test lint soak fuzz needs install clean
