#!/bin/bash
# The package on a machine of its own with a real systemd: Debian 12 in a container, CommBox simulated on its loopback. It
# is installed, configured, started, reloaded, hung, killed, upgraded, removed and purged as an administrator would, and each
# line that is printed is something that was seen to be so (ok) or not (FAILED).
#
#   packaging/nspawn-test.sh [FILE.deb]
#
# Without FILE the package is built first, and without COMMWATCH_SIMULATOR the simulator. The upgrade is from
# COMMWATCH_PREVIOUS, a package that was built earlier; without it, from the same one under an older number. Needs root,
# debootstrap, systemd-container, and once a Debian mirror (COMMWATCH_MIRROR); the fresh system is kept in
# /var/tmp/commwatch-nspawn (COMMWATCH_NSPAWN) for the next time. The container has no network but its loopback.
set -euo pipefail
cd "$(dirname "$0")/.."

MIRROR=${COMMWATCH_MIRROR:-http://deb.debian.org/debian}
KEPT=${COMMWATCH_NSPAWN:-/var/tmp/commwatch-nspawn}
# The whole test takes two minutes; seconds.
PATIENCE=600

[ "$(id -u)" = 0 ] || { echo "error: a container needs root" >&2; exit 2; }
for tool in debootstrap systemd-nspawn dpkg-deb; do
    command -v $tool >/dev/null || { echo "error: no $tool; apt-get install debootstrap systemd-container dpkg-dev" >&2; exit 2; }
done

package=${1:-}
[ -n "$package" ] || package=$(packaging/build-deb.sh | tail -n 1)
simulator=${COMMWATCH_SIMULATOR:-}
if [ -z "$simulator" ]; then
    cargo build --quiet --locked -p commwatch-simulator
    simulator=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/commwatch-simulator
fi

if [ ! -e "$KEPT/base.done" ]; then
    rm -rf "$KEPT/base"
    mkdir -p "$KEPT"
    # Besides what boots: what the package depends on, and what the test asks with.
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,procps,adduser,curl,ca-certificates \
        bookworm "$KEPT/base" "$MIRROR" >"$KEPT/debootstrap.log"
    touch "$KEPT/base.done"
fi

root=$KEPT/root.$$
name=commwatch-$$
groups=()
end() {
    rm -rf "$root"
    for group in "${groups[@]}"; do rmdir "$group" 2>/dev/null || true; done
}
trap end EXIT
cp -a --reflink=auto "$KEPT/base" "$root"
mkdir "$root/test"
cp packaging/nspawn/inside.sh "$simulator" "$root/test/"
cp systemd/examples/*.conf "$root/test/"
cp "$package" "$root/test/new.deb"
# The build before, or this one under an older number; with another file to start with, so that dpkg has to choose between
# three of them.
previous=$root/test/previous
dpkg-deb -R "${COMMWATCH_PREVIOUS:-$package}" "$previous"
sed -i 's/^Version: .*/Version: 0.0.9-1/' "$previous/DEBIAN/control"
sed -i '1i # This is how the previous version began.' "$previous/etc/commwatch/commwatch.toml"
(cd "$previous" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb -Zgzip -z1 --root-owner-group -b "$previous" "$root/test/old.deb" >/dev/null
rm -r "$previous"

cat >"$root/etc/systemd/system/test.service" <<'UNIT'
[Unit]
Description=The test
[Service]
ExecStart=/bin/bash /test/inside.sh
StandardOutput=file:/test/results
StandardError=file:/test/remarks
ExecStopPost=/bin/systemctl --no-block poweroff
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"

# A group of its own in each hierarchy there is: systemd within wants to be the root of one.
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ -d $hierarchy ] || continue
    mkdir "$hierarchy/$name"
    groups+=("$hierarchy/$name")
done
boot() {
    for group in "${groups[@]}"; do echo $BASHPID >"$group/cgroup.procs"; done
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec timeout $PATIENCE systemd-nspawn -D "$root" --register=no --keep-unit \
        --private-network -M "$name" --boot --quiet
}
(boot) >"$KEPT/console.log" 2>&1 || echo "the container ended with $?; its console is in $KEPT/console.log"

cat "$root/test/results" 2>/dev/null || true
cp "$root"/test/{results,remarks,journal} "$KEPT/" 2>/dev/null || true
if ! tail -n 1 "$root/test/results" 2>/dev/null | grep -q '^done: [0-9]* ok, 0 FAILED$'; then
    echo "the package test failed; what was said beside, and the journal: $KEPT/remarks, $KEPT/journal"
    exit 1
fi
