#!/usr/bin/env bash
# The real daemon, as a person runs it: checked, started, asked, scraped, reloaded and stopped.
. "$(dirname "$0")/common.sh"

start_simulator

cat >"$folder/commwatch.toml" <<TOML
watch = [
  { name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" },
  { name = "ruth", title = "Ruth", stream = 41211, object = 2251799813689310, interval = "1s" },
]

[notifiers.log]
plugin = "log"

[[route]]
notify = ["log"]

[operators]
notify = ["log"]

$(common_tables)
TOML

commwatch check
if commwatch status 2>/dev/null; then
    echo "a daemon that does not run has a status"
    exit 1
elif [ $? -ne 69 ]; then
    echo "a daemon that does not run is not told as such"
    exit 1
fi

start_daemon
sim say '{"object": 293854, "text": "Is anybody there?"}'
delivered() { commwatch status --output json | grep '"outcome": *"delivered"'; }
until_ "an alert is delivered" delivered
commwatch status
grep -q 'Is anybody there?' "$folder/log"

page=$(sed -n 's|.*status on \(http://[^ ]*\)/.*|\1|p' "$folder/log" | head -n 1)
curl --fail --silent --show-error "$page/-/healthy" "$page/-/ready"
.ci/real/promtool.sh "$page/metrics"
curl --fail --silent --show-error "$page/" >"$folder/page"

commwatch reload
stop_daemon
if grep -qF "$TOKEN" "$folder/log" "$folder/page"; then
    echo "the key is in the log or on the page"
    exit 1
fi
echo "stopped: $(tail -n 1 "$folder/log")"
