#!/bin/bash
# The Debian package: built, looked at by lintian, its files those of the contract, installed here (without being started)
# and purged. packaging/nspawn-test.sh is the rest of its story, with a systemd that runs.
#
#   .ci/real/package.sh [FILE.deb]     with FILE, what packaging/build-deb.sh has made of this tree before
set -euo pipefail
cd "$(dirname "$0")/../.."

# What is shipped is built with `release`, which takes long; here it is the packing that matters.
PROFILE=${COMMWATCH_PROFILE:-simulation}
CARGO_DEB=3.8.0

missing=()
for program in lintian fakeroot dpkg-shlibdeps adduser deb-systemd-helper zsh fish man; do
    command -v $program >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends lintian fakeroot dpkg-dev adduser init-system-helpers zsh fish man-db \
        >/dev/null
fi
cargo deb --version 2>/dev/null | grep -qx "$CARGO_DEB" ||
    cargo install cargo-deb --locked --quiet --version "$CARGO_DEB"

work=$(mktemp -d)
# Installed for a moment: whatever becomes of this, it is gone afterwards.
installed=
end() {
    [ -z "$installed" ] || dpkg -P commwatch >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap end EXIT

package=${1:-}
if [ -z "$package" ]; then
    built=$(packaging/build-deb.sh --profile "$PROFILE")
    echo "$built"
    package=$(tail -n 1 <<<"$built")
fi
cp "$package" "$work/commwatch.deb"
chmod 755 "$work"

# As nobody: lintian refuses to be root.
(cd "$work" && setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work" TMPDIR=/tmp \
    lintian --fail-on error,warning commwatch.deb)
echo "lintian: no errors, no warnings"

# What the contract says of an installed system, and what a Debian system wants besides.
dpkg-deb -c "$package" | awk '{ print $1, $2, $6 }' | grep -v '/$' | sort -k 3 >"$work/contents"
wanted=$work/wanted
{
    echo "-rwxr-xr-x 0/0 ./usr/bin/commwatch"
    for plugin in plugins/*/; do
        echo "-rw-r--r-- 0/0 ./usr/lib/commwatch/plugins/libcommwatch_$(basename "$plugin").so"
    done
    for file in ./usr/lib/systemd/system/commwatch.service ./etc/commwatch/commwatch.toml \
        ./usr/share/man/man1/commwatch.1.gz ./usr/share/man/man1/commwatch-status.1.gz \
        ./usr/share/bash-completion/completions/commwatch ./usr/share/zsh/vendor-completions/_commwatch \
        ./usr/share/fish/vendor_completions.d/commwatch.fish \
        ./usr/share/commwatch/dashboards/{overview,drilldown}.json ./usr/share/commwatch/rules/commwatch.yml \
        ./usr/share/commwatch/include/commwatch_plugin.h ./usr/share/doc/commwatch/copyright \
        ./usr/share/doc/commwatch/{changelog.Debian.gz,README.md,monitoring.md,docs/json.md,plugins/slack.md}; do
        echo "-rw-r--r-- 0/0 $file"
    done
    for schema in daemon/schema/*.json; do
        echo "-rw-r--r-- 0/0 ./usr/share/commwatch/schema/$(basename "$schema")"
    done
} | sort -k 3 >"$wanted"
absent=$(grep -vxFf "$work/contents" "$wanted" || true)
if [ -n "$absent" ]; then
    printf 'not in the package, or not like this:\n%s\n' "$absent"
    exit 1
fi
if grep -E 'faulty|simulator' "$work/contents"; then
    echo "that is for tests"
    exit 1
fi
[ "$(dpkg-deb -I "$package" conffiles)" = /etc/commwatch/commwatch.toml ]
echo "contents: $(wc -l <"$wanted") files are there as they are meant to be"

dpkg-deb -x "$package" "$work/unpacked"
(cd "$work/unpacked" && find usr/share/doc/commwatch -name '*.md') | while read -r page; do
    grep -o ']([^)#]*' "$work/unpacked/$page" | sed 's/^](//' | grep -v -e '^$' -e '://' | while read -r link; do
        case $link in /*) target=$link ;; *) target=/$(dirname "$page")/$link ;; esac
        if [ -e "$work/unpacked$target" ]; then echo "$link"; else echo "/$page leads to $link, which is not there"; fi
    done || true # a page without links
done >"$work/links"
if grep 'not there$' "$work/links"; then exit 1; fi
[ "$(wc -l <"$work/links")" -gt 30 ]
echo "documentation: $(wc -l <"$work/links") links lead somewhere"

for shell in bash zsh fish; do
    $shell -n packaging/generated/commwatch.$shell
done
if man --warnings -l packaging/generated/man/commwatch.1 2>&1 >/dev/null | grep .; then exit 1; fi
echo "completions and manual can be read"

if [ "$(id -u)" != 0 ]; then
    echo "not installed: that needs root"
    exit 0
fi
if [ -e /usr/bin/commwatch ] || [ -e /etc/commwatch ] || [ -e /var/lib/commwatch ]; then
    echo "not installed: there is a commwatch on this machine"
    exit 0
fi
ours() { find /etc /usr /lib /var/lib /run -xdev -name '*commwatch*' 2>/dev/null | sort; }
ours >"$work/before"
installed=yes
dpkg -i "$work/commwatch.deb" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
commwatch --version
if commwatch check >"$work/check" 2>&1; then
    echo "the file to start with is taken for a configuration"
    exit 1
elif [ $? != 78 ] || ! grep -q accounts "$work/check"; then
    cat "$work/check"
    exit 1
fi
[ "$(stat -c '%a %U' /etc/commwatch/credentials)" = "700 root" ]
[ -d /etc/commwatch/conf.d ]
# Without the comment signs it is the README's; with that the plugins are found where the package put them.
sed -n '/^#watch = /,$s/^#//p' packaging/commwatch.toml >/etc/commwatch/commwatch.toml
commwatch check
commwatch plugins list >"$work/plugins"
for plugin in plugins/*/; do
    grep -qw "$(basename "$plugin")" "$work/plugins" || { cat "$work/plugins"; exit 1; }
done
man -w commwatch commwatch-status >/dev/null
getent passwd commwatch >/dev/null
echo "installed: it runs, refuses the file to start with, and finds its plugins"

dpkg -P commwatch >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
installed=
ours >"$work/after"
diff "$work/before" "$work/after"
if getent passwd commwatch || getent group commwatch; then exit 1; fi
echo "purged: nothing is left"
