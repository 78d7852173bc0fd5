#!/bin/bash
# Makes target/portable/check_imap_session-VERSION-MACHINE-linux.tar.gz: the plugin with AWS-LC inside, which needs nothing
# but glibc 2.17, and all that belongs to it; beside it the checksum. `make portable` is for the machine that it runs on.
#
# zig is the C compiler and the linker, because it knows which symbols glibc 2.17 had; cargo-zigbuild leads cargo to it. Both
# come from PyPI into target/portable-tools. With NO_INSTALL=1 nothing is installed.
#
# Two builds of the same sources give the same bytes, in any folder and for any user, with the same compiler of Rust.
set -euo pipefail
cd "$(dirname "$0")/.."

glibc=2.17
ziglang=0.17.1
cargo_zigbuild=0.24.1

cargo=${CARGO:-cargo}
sources=$PWD
mkdir -p "${CARGO_TARGET_DIR:-target}"
CARGO_TARGET_DIR=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
export CARGO_TARGET_DIR
tools=$CARGO_TARGET_DIR/portable-tools
made=$CARGO_TARGET_DIR/portable

main() {
    get_tools
    local machine version name folder
    machine=$(uname -m)
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
    name=check_imap_session-$version-$machine-linux
    build "$machine-unknown-linux-gnu"
    rm -rf "$made"
    folder=$made/$name
    mkdir -p "$folder"
    cp "$CARGO_TARGET_DIR/$machine-unknown-linux-gnu/small/check_imap_session" "$folder"
    cp -r debian/check_imap_session.1 debian/completions LICENSE-MIT LICENSE-APACHE "$folder"
    cp -r README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md docs icinga "$folder"
    debian/crates.sh --features portable >"$folder/crates.txt"
    {
        printf '\n==== zig %s, of which parts of the run-time library are inside, too\n\n' "$ziglang"
        cat "$tools"/lib/python3*/site-packages/ziglang/LICENSE
    } >>"$folder/crates.txt"
    pack "$name"
    ls -l "$made"
}

get_tools() {
    export PATH=$tools/bin:$PATH
    tests/install-needs.sh build portable zig
    local wanted="ziglang==$ziglang cargo-zigbuild==$cargo_zigbuild"
    [ "$(cat "$tools/is" 2>/dev/null)" != "$wanted" ] || return 0
    echo "Missing here, by their names at PyPI:"
    echo "  ziglang $ziglang: C compiler, and linker for glibc $glibc"
    echo "  cargo-zigbuild $cargo_zigbuild: leads cargo to it"
    if [ "${NO_INSTALL:-0}" != 0 ]; then
        echo "NO_INSTALL=1: nothing is installed. Without them this cannot go on." >&2
        return 1
    fi
    echo "Installing them with pip into $tools, 450 MB (NO_INSTALL=1 would install nothing)"
    rm -rf "$tools"
    python3 -m venv "$tools"
    # shellcheck disable=SC2086  # words, each a package
    "$tools/bin/pip" install -q --disable-pip-version-check --no-deps $wanted
    echo "$wanted" >"$tools/is"
}

build() { # TARGET
    local crates=${CARGO_HOME:-$HOME/.cargo} compiler commit
    compiler=$(rustc --print sysroot)/lib/rustlib/src/rust
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    # No path of the machine that builds in the program; of several that fit, the compiler takes the last.
    export CARGO_BUILD_RUSTFLAGS="--remap-path-prefix=$compiler=/rustc/$commit --remap-path-prefix=$crates=/usr/share/cargo \
--remap-path-prefix=$sources=/usr/src/check_imap_session --remap-path-prefix=$CARGO_TARGET_DIR=/usr/src/target"
    export CFLAGS="-ffile-prefix-map=$crates=/usr/share/cargo -ffile-prefix-map=$CARGO_TARGET_DIR=/usr/src/target"
    export CXXFLAGS=$CFLAGS
    export ZIG_GLOBAL_CACHE_DIR=$tools/cache CARGO_ZIGBUILD_CACHE_DIR=$tools/cache
    # Not where the tools are below: zig would name its headers by relative paths, and crates are compiled in other folders.
    cd debian
    "$cargo" zigbuild --profile small --locked --bin check_imap_session --features portable --target "$1.$glibc"
    cd ..
}

# All files are from the day of the newest entry of the changelog, and root's.
pack() { # NAME
    local day
    day=$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)
    cd "$made"
    chmod -R u=rwX,go=rX "$1"
    tar -c --sort=name --format=gnu --mtime="$day" --owner=0 --group=0 --numeric-owner "$1" | gzip -9n >"$1.tar.gz"
    sha256sum "$1.tar.gz" >"$1.tar.gz.sha256"
    rm -r "$1"
}

main
