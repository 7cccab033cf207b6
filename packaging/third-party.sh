#!/bin/bash
# Writes which Rust libraries are in the shipped binaries, under which licenses, and the texts that come with them. Each
# text stands there once, below the libraries that have it.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages=(-p commwatch)
for plugin in plugins/*/; do packages+=(-p "commwatch-$(basename "$plugin")"); done
# What only runs while building is not in the binaries; neither are the tests' libraries.
cargo tree --locked --quiet -e normal,no-proc-macro --prefix none --format '{p}|{l}|{r}' "${packages[@]}" |
    grep -v -e "($PWD" -e '^$' | sed 's/ (\*)//; s/ v/ /' | sort -u >"$work/list"

while IFS='|' read -r package license home; do
    printf '%s: %s, %s\n' "$package" "$license" "$home"
    for text in "$sources"/*/"${package/ /-}"/{LICENSE,LICENCE,COPYING,COPYRIGHT,NOTICE,UNLICENSE}*; do
        [ -f "$text" ] || continue
        sum=$(tr -d '[:space:]' <"$text" | sha256sum | cut -d ' ' -f 1)
        [ -e "$work/$sum" ] || cp "$text" "$work/$sum"
        printf '%s, %s\n' "$package" "$(basename "$text")" >>"$work/$sum.of"
    done
done <"$work/list"
for names in "$work"/*.of; do
    printf '\n%s\n' "================================================================================"
    cat "$names"
    printf '%s\n\n' "--------------------------------------------------------------------------------"
    cat "${names%.of}"
done
