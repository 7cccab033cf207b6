#!/bin/bash
# The unit and each drop-in that is shipped are understood by systemd without a remark, and the unit stays as closed as it is
# meant to be. packaging/nspawn-test.sh tries it with a systemd that runs.
set -euo pipefail
cd "$(dirname "$0")/../.."

# As a tenth of a point: 1.5. The service needs a network, and little else is left open.
EXPOSURE_MAX=15

if ! command -v systemd-analyze >/dev/null; then
    apt-get install -qq -y --no-install-recommends systemd >/dev/null
fi

# systemd-analyze refuses a unit whose program or manual is not installed: check a copy that names ones that are.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unit=$folder/commwatch.service
sed 's|/usr/bin/commwatch|/bin/true|; /^Documentation=/d' systemd/commwatch.service >"$unit"

# verify WHAT: the unit as it lies in the folder.
verify() {
    local remarks
    if ! remarks=$(systemd-analyze verify "$unit" 2>&1) || [ -n "$remarks" ]; then
        printf '%s:\n%s\n' "$1" "$remarks"
        return 1
    fi
    echo "$1: verified"
}

verify systemd/commwatch.service
if ! report=$(systemd-analyze security --no-pager --offline=true --threshold=$EXPOSURE_MAX "$unit" 2>&1); then
    echo "$report"
    exit 1
fi
echo "$report" | tail -n 1

mkdir "$unit.d"
for example in systemd/examples/*.conf; do
    # What is commented out in an example is meant to be used as well.
    cp "$example" "$unit.d/10-example.conf"
    verify "$example"
    sed 's/^#\([A-Z][A-Za-z]*=\)/\1/' "$example" >"$unit.d/10-example.conf"
    cmp -s "$example" "$unit.d/10-example.conf" || verify "$example, with all of it"
done
rm -r "$unit.d"

# What no score speaks of.
for line in Type=notify NotifyAccess=main Restart=on-failure RestartPreventExitStatus=78 OOMPolicy=continue WatchdogSec=30s \
    "ExecReload=/usr/bin/commwatch reload -c /etc/commwatch/commwatch.toml" SystemCallErrorNumber=EPERM \
    SystemCallFilter=@system-service StateDirectory=commwatch RuntimeDirectory=commwatch \
    LoadCredential=commwatch:/etc/commwatch/credentials; do
    grep -qxF "$line" systemd/commwatch.service || { echo "the unit has no $line"; exit 1; }
done
# A plugin's process confines itself further with these.
for call in landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp; do
    grep -q "^SystemCallFilter=.*\b$call\b" systemd/commwatch.service || { echo "the unit forbids $call"; exit 1; }
done
