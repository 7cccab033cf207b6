#!/usr/bin/env bash
# A real Prometheus scrapes the real daemon: first all is well, then CommBox, a receiver, a plugin and the configuration
# fail. Every query of every panel brings numbers in the run that should show them; the rules say nothing in the first run
# and what they should in the second.
# A key that says when it expires.
claims=$(printf '{"exp":%d}' $(($(date +%s) + 90 * 86400)) | base64 -w 0 | tr '+/' '-_' | tr -d '=')
TOKEN=e30.$claims.c2ln
. "$(dirname "$0")/common.sh"

missing=()
command -v prometheus >/dev/null || missing+=(prometheus)
[ -x /usr/bin/python3 ] || missing+=(python3-minimal)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
ask() { /usr/bin/python3 .ci/real/prometheus.py "$@"; }

start_simulator
start_receiver

cat >"$folder/commwatch.toml" <<TOML
watch = [
  { name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" },
  { name = "ruth", title = "Ruth", stream = 41211, object = 2251799813689310, interval = "1s" },
]

$(receiver_tables)

[notifiers.deadman]
plugin = "webhook"
[notifiers.deadman.config]
url = "$hooks/deadman"
secret = { file = "secret" }

[[route]]
notify = ["log", "hook"]

[operators]
notify = ["log", "hook"]

[heartbeat]
every = "10s"
notify = ["deadman"]

$(common_tables)

[reload]
settle = "100ms"
TOML
start_daemon
page=$(sed -n 's|.*status on http://\([^ ]*\)/.*|\1|p' "$folder/log" | head -n 1)

cat >"$folder/prometheus.yml" <<YAML
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$PWD/monitoring/rules.yml"]
scrape_configs:
  - job_name: commwatch
    static_configs: [{ targets: ["$page"] }]
YAML
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/tsdb" \
    --web.listen-address=127.0.0.1:0 >"$folder/prometheus.log" 2>&1 &
others+=($!)
until_ "Prometheus listens" listens "$folder/prometheus.log"
api=http://$(listens "$folder/prometheus.log")
until_ "Prometheus is ready" curl --fail --silent "$api/-/ready"

# All is well. Each round brings a message of either priority.
talk() {
    for object in 293854 2251799813689310; do
        sim say "{\"object\": $object, \"text\": \"Is anybody there? $SECONDS\"}"
    done
}
fine() { talk; ask panels "$api" GOOD; }
until_ "every panel shows numbers while all is well" fine
tail -n 1 "$folder/last"
# On a busy machine something may be slow for a moment.
well() {
    for title in "VIPs not read" "Notifiers that are broken" "Dead letters" "Store errors" "Outbox adds up"; do
        ask value "$api" "$title" "= 0" || return 1
    done
    ask value "$api" "VIPs who wait" "> 0"
}
until_ "nothing is broken, and somebody waits" well
quiet() {
    said=$(ask alerts "$api")
    echo "it is said: $said"
    [ "$said" = CommwatchWatchdog ]
}
until_ "all is well, and nothing else is said" quiet
if ! curl --fail --silent "$api/api/v1/rules" | grep -q '"health":"ok"' ||
    curl --fail --silent "$api/api/v1/rules" | grep -q '"health":"err"'; then
    echo "a rule cannot be evaluated"
    exit 1
fi
.ci/real/promtool.sh "http://$page/metrics"
echo "all is well: $said"

# Everything fails: an alert is refused for good, then the receiver and a plugin fail, the configuration has a mistake, and
# CommBox throttles, fails, and refuses the key.
sim say '{"object": 293854, "text": "REFUSE-ME"}'
until_ "a dead letter" ask value "$api" "Dead letters" "> 0"
touch "$folder/fail"
talk
until_ "a notifier is broken" ask value "$api" "Notifiers that are broken" "> 0"
sim fault '{"scope": {"object": 2251799813689310}, "fault": {"status": {"code": 429, "retry_after": "1"}}, "times": {"n": 3}}'
kill_plugins() {
    for process in /proc/[0-9]*; do
        if [ "$(awk '/^PPid:/ { print $2 }' "$process/status" 2>/dev/null)" = "$daemon" ] &&
            tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -qx log; then
            kill -KILL "${process#/proc/}"
        fi
    done
    ask value "$api" "Plugin processes replaced" "> 2"
}
until_ "CommBox has throttled" ask value "$api" "CommBox asks for fewer requests" "> 0"
sim fault '{"scope": "all", "fault": {"status": {"code": 500}}, "times": "forever"}'
until_ "a plugin was lost" kill_plugins
cp "$folder/commwatch.toml" "$folder/good.toml"
echo 'mistake = true' >>"$folder/commwatch.toml"
expect() {
    ask alerts "$api" >"$folder/said"
    for alert in "$@"; do grep -qx "$alert" "$folder/said" || { echo "not said: $alert"; return 1; }; done
}
until_ "what has failed is said" expect CommwatchVipStale CommwatchWatchesStale CommwatchErrors CommwatchThrottled \
    CommwatchNotifierBroken CommwatchPluginCrashLooping CommwatchDeadLetters CommwatchReloadFailed \
    CommwatchHeartbeatMissing
until_ "what shows only then shows numbers" ask panels "$api" BAD
tail -n 1 "$folder/last"
for title in "VIPs not read" "Notifiers that are broken" "Dead letters" "Waiting deliveries" "Oldest alert that waits"; do
    ask value "$api" "$title" "> 0"
done
ask texts "$api"
sim tokens '{"accept": ["another"]}'
curl --fail --silent --show-error -X DELETE "$commbox/_sim/faults" >/dev/null
until_ "a refused key is said" expect CommwatchAccountDenied
.ci/real/promtool.sh "http://$page/metrics"
stop_daemon
until_ "that it is down is said" expect CommwatchDown
echo "$(prometheus --version 2>&1 | head -n 1 | cut -d ' ' -f 1-3): quiet in peace; in trouble it says $(paste -sd ' ' "$folder/said")"
