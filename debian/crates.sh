#!/bin/sh
# The crates that are linked into the plugin, each with its licence and the texts that the licence wants to go along.
# Packages ship it as crates.txt. Arguments are cargo's, such as --features portable.
set -eu
cd "$(dirname "$0")/.."

cat <<'END'
check_imap_session has these crates in it, linked statically (their versions are those of Cargo.lock):

END
# Without (proc-macro), which is part of the compilation alone, and (*), which says that a crate was there before.
crates=$(cargo tree --locked "$@" --edges normal,no-proc-macro --prefix none --format '{p}|{l}' |
    sed 's/ (\*)$//' | sort -u | sed -n 's/^\([^ ]*\) v\([^ |]*\)|/\1|\2|/p')
echo "$crates" | while IFS='|' read -r name version licence; do
    echo "$name $version: $licence"
done

manifests=$(cargo metadata --locked "$@" --format-version 1 | grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4)
echo "$crates" | while IFS='|' read -r name version licence; do
    # A folder of the registry has the version in its name, one that `cargo vendor` made often not.
    folder=$(echo "$manifests" | grep -e "/$name-$version/Cargo.toml\$") ||
        folder=$(echo "$manifests" | grep -e "/$name/Cargo.toml\$")
    folder=${folder%/Cargo.toml}
    for text in "$folder"/LICEN[SC]E* "$folder"/COPYING* "$folder"/NOTICE* "$folder"/UNLICENSE*; do
        [ -f "$text" ] || continue
        # The text of the Apache licence is the same for all and comes with every distribution.
        if grep -q 'TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION' "$text"; then
            grep -q 'Permission is hereby granted' "$text" || continue
        fi
        printf '\n==== %s %s: %s\n\n' "$name" "$version" "${text##*/}"
        cat "$text"
    done
done
