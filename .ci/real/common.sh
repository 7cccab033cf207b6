# What the tests with the real daemon share; sourced by them, by bash. A folder that goes with the test, the simulator as
# CommBox, and the daemon with the configuration that the test writes into "$folder/commwatch.toml".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Anything that should take a moment has this long, seconds.
PATIENCE=60
: "${TOKEN:=a-token-that-must-not-be-seen}"

cargo build --quiet --workspace
# Also where CARGO_TARGET_DIR or a configuration puts it.
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
folder=$(mktemp -d)
(umask 077 && echo "$TOKEN" >"$folder/token")
# The daemon, and whatever else was started.
daemon= others=()
end() {
    for pid in $daemon "${others[@]}"; do
        kill -KILL "$pid" || true
        wait "$pid" || true
    done 2>/dev/null
    rm -rf "$folder"
}
trap end EXIT

# until_ WHAT COMMAND...: runs it until it succeeds.
until_() {
    local what=$1 deadline=$((SECONDS + PATIENCE))
    shift
    until "$@" >"$folder/last" 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            echo "waited in vain: $what"
            tail -n +1 "$folder/last" "$folder"/*log
            return 1
        fi
        sleep 0.2
    done
}

# Sets $commbox to where it listens.
start_simulator() {
    "$built/commwatch-simulator" --silent --listen 127.0.0.1:0 --token "$TOKEN" >"$folder/simulator" 2>&1 &
    others+=($!)
    until_ "the simulator listens" grep -q '^listening on ' "$folder/simulator"
    commbox=$(sed -n 's/^listening on \([^ ]*\) .*/\1/p' "$folder/simulator")
}

# listens LOG: where a program of Prometheus' family says that it listens.
listens() { sed -n 's/.*[Ll]istening on.* address=\([0-9.:]*\).*/\1/p' "$1" | grep . | head -n 1; }

# Sets $hooks to where a receiver of web hooks listens, which lets itself be told what to answer. Needs python3-minimal.
start_receiver() {
    /usr/bin/python3 .ci/real/prometheus.py receiver "$folder" >"$folder/port" &
    others+=($!)
    until_ "the receiver listens" grep -q . "$folder/port"
    hooks=http://127.0.0.1:$(cat "$folder/port")
    (umask 077 && echo whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw >"$folder/secret")
}

# Notifiers that tell the log and that receiver.
receiver_tables() {
    cat <<TOML
[notifiers.log]
plugin = "log"

[notifiers.hook]
plugin = "webhook"
retries = "people"
[notifiers.hook.config]
url = "$hooks/hook"
secret = { file = "secret" }
TOML
}

# What each configuration has. The account stands last, so that more of it may follow.
common_tables() {
    cat <<TOML
[plugins]
path = ["$built"]
trust = "owner"

[store]
path = "commwatch.db"

[http]
listen = "127.0.0.1:0"

[accounts.main]
base_url = "$commbox"
token = { file = "token" }
rate = "10/s"
timeout = "1s"
TOML
}

# sim PATH JSON: tells the simulator to do something.
sim() { curl --fail --silent --show-error "$commbox/_sim/$1" -d "$2" >/dev/null; }

commwatch() { "$built/commwatch" "$@" -c "$folder/commwatch.toml"; }
fresh() { commwatch status | grep 'The VIP is fresh'; }

# Its log is "$folder/log".
start_daemon() {
    "$built/commwatch" run -c "$folder/commwatch.toml" >"$folder/log" 2>&1 &
    daemon=$!
    until_ "the baseline is taken" fresh
}

# Its status is the daemon's.
stop_daemon() {
    local pid=$daemon
    kill -TERM "$pid"
    daemon=
    wait "$pid"
}
