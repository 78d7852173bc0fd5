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

# Installs Debian packages where they are missing: as root, or with sudo.
needs:
	tests/install-needs.sh

install:
	test -f $(BINARY) || $(MAKE) build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PLUGINDIR)/check_imap_session

clean:
	$(CARGO) clean

.PHONY: build demo test lint needs install clean
