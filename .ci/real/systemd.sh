#!/bin/sh
# The unit is understood by systemd without a remark, and stays as closed as it is meant to be.
set -eu
cd "$(dirname "$0")/../.."

# As a tenth of a point: 2.0. The service needs a network, and little else is left open.
EXPOSURE_MAX=20

if ! command -v systemd-analyze >/dev/null; then
    apt-get install -qq -y --no-install-recommends systemd >/dev/null
fi

# systemd-analyze refuses a unit whose program is not installed: check a copy that names one that is.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed 's|/usr/bin/commwatch|/bin/true|' systemd/commwatch.service >"$folder/commwatch.service"

if ! remarks=$(systemd-analyze verify "$folder/commwatch.service" 2>&1) || [ -n "$remarks" ]; then
    echo "$remarks"
    exit 1
fi
unit=$folder/commwatch.service
if ! report=$(systemd-analyze security --no-pager --offline=true --threshold=$EXPOSURE_MAX "$unit" 2>&1); then
    echo "$report"
    exit 1
fi
echo "$report" | tail -n 1
echo "systemd/commwatch.service: verified"
