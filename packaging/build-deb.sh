#!/bin/bash
# Builds commwatch's Debian package and says where it is.
#
#   packaging/build-deb.sh [--profile NAME] [--version VERSION] [--no-build]
#
# --profile is cargo's (release where nothing is said), --version the package's where it is not the program's, and
# --no-build packs what an earlier call has built. Wants cargo-deb, dpkg-dev (for the libraries that it depends on) and
# binutils.
set -euo pipefail
cd "$(dirname "$0")/.."

# The oldest glibc that the package runs on; nothing that is shipped may want a newer one. 2.34 is Debian 12,
# Ubuntu 22.04, RHEL 9 and newer.
GLIBC=2.34

profile=release version= built=
while [ $# -gt 0 ]; do
    case $1 in
    --profile) profile=$2; shift ;;
    --version) version=$2; shift ;;
    --no-build) built=yes ;;
    *) echo "usage: $0 [--profile NAME] [--version VERSION] [--no-build]" >&2; exit 2 ;;
    esac
    shift
done

packages=(-p commwatch)
for plugin in plugins/*/; do packages+=(-p "commwatch-$(basename "$plugin")"); done
[ -n "$built" ] || COMMWATCH_REVISION=$(git rev-parse --short HEAD 2>/dev/null || echo unknown) \
    cargo build --locked --profile "$profile" "${packages[@]}"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/$profile

# What the program says about itself, in the forms that a system wants.
generated=packaging/generated
rm -rf $generated
mkdir -p $generated/man
"$target/commwatch" man --folder $generated/man
for shell in bash zsh fish; do "$target/commwatch" completion $shell >$generated/commwatch.$shell; done
# The copyright file is the licenses in the repository, in the form that programs read.
{
    sed "s/COPYRIGHT/$(sed -n 's/^Copyright (c) //p' LICENSE-MIT)/" packaging/copyright
    sed '1,/^Copyright/d; /./,$!d; s/^$/./; s/^/ /' LICENSE-MIT | sed '1{/^ \.$/d}'
} >$generated/copyright
packaging/third-party.sh >$generated/third-party
packaging/pages.sh $generated/pages
gzip -9n <CHANGELOG.md >$generated/CHANGELOG.md.gz
number=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
: "${version:=$number-1}"
# A package of one commit is the same whenever it is built.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' daemon/Cargo.toml)
cat >$generated/changelog <<TEXT
commwatch ($version) stable; urgency=medium

  * What has changed: changelog.gz beside this file.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT

wanted=$(for file in "$target/commwatch" "$target"/libcommwatch_*.so; do objdump -T "$file"; done |
    grep -o 'GLIBC_[0-9.]*' | sed s/GLIBC_// | sort -uV | tail -n 1)
if [ "$(printf '%s\n' "$GLIBC" "$wanted" | sort -V | tail -n 1)" != "$GLIBC" ]; then
    echo "error: it needs glibc $wanted, and is to run on $GLIBC" >&2
    exit 1
fi
echo "needs glibc $wanted; what may be needed is $GLIBC"

# What is not to be shipped need not be small.
fast=$([ "$profile" = release ] || echo --fast)
cargo deb --quiet --no-build --locked -p commwatch --profile "$profile" --deb-version "$version" $fast >/dev/null
echo "$(dirname "$target")/debian/commwatch_${version}_$(dpkg --print-architecture).deb"
