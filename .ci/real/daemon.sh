#!/usr/bin/env bash
# The real daemon, as a person runs it: checked, started, asked, scraped, reloaded and stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Anything that should take a moment has this long, seconds.
PATIENCE=30
TOKEN=a-token-that-must-not-be-seen

cargo build --quiet --workspace
# Also where CARGO_TARGET_DIR or a configuration puts it.
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
folder=$(mktemp -d)
simulator= daemon=
end() {
    for pid in $daemon $simulator; do
        kill -KILL "$pid" || true
        wait "$pid" || true
    done 2>/dev/null
    rm -rf "$folder"
}
trap end EXIT

# until WHAT COMMAND...: runs it until it succeeds.
until_() {
    local what=$1 deadline=$((SECONDS + PATIENCE))
    shift
    until "$@" >"$folder/last" 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            echo "waited in vain: $what"
            cat "$folder/last" "$folder/log"
            return 1
        fi
        sleep 0.2
    done
}

"$built/commwatch-simulator" --silent --listen 127.0.0.1:0 --token "$TOKEN" >"$folder/simulator" 2>&1 &
simulator=$!
until_ "the simulator listens" grep -q '^listening on ' "$folder/simulator"
commbox=$(sed -n 's/^listening on \([^ ]*\) .*/\1/p' "$folder/simulator")

(umask 077 && echo "$TOKEN" >"$folder/token")
cat >"$folder/commwatch.toml" <<TOML
watch = [
  { name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" },
  { name = "ruth", title = "Ruth", stream = 41211, object = 2251799813689310, interval = "1s" },
]

[accounts.main]
base_url = "$commbox"
token = { file = "token" }
rate = "10/s"
timeout = "1s"

[notifiers.log]
plugin = "log"

[[route]]
notify = ["log"]

[operators]
notify = ["log"]

[plugins]
path = ["$built"]
trust = "owner"

[store]
path = "commwatch.db"

[http]
listen = "127.0.0.1:0"
TOML

commwatch() { "$built/commwatch" "$@" -c "$folder/commwatch.toml"; }

commwatch check
if commwatch status 2>/dev/null; then
    echo "a daemon that does not run has a status"
    exit 1
elif [ $? -ne 69 ]; then
    echo "a daemon that does not run is not told as such"
    exit 1
fi

"$built/commwatch" run -c "$folder/commwatch.toml" >"$folder/log" 2>&1 &
daemon=$!
fresh() { commwatch status | grep 'The VIP is fresh'; }
until_ "the baseline is taken" fresh
curl --fail --silent --show-error "$commbox/_sim/say" -d '{"object": 293854, "text": "Is anybody there?"}' >/dev/null
delivered() { commwatch status --output json | grep '"outcome": *"delivered"'; }
until_ "an alert is delivered" delivered
commwatch status
grep -q 'Is anybody there?' "$folder/log"

page=$(sed -n 's|.*status on \(http://[^ ]*\)/.*|\1|p' "$folder/log" | head -n 1)
curl --fail --silent --show-error "$page/-/healthy" "$page/-/ready"
.ci/real/promtool.sh "$page/metrics"
curl --fail --silent --show-error "$page/" >"$folder/page"

commwatch reload
kill -TERM "$daemon"
wait "$daemon"
daemon=
if grep -qF "$TOKEN" "$folder/log" "$folder/page"; then
    echo "the key is in the log or on the page"
    exit 1
fi
echo "stopped: $(tail -n 1 "$folder/log")"
