#!/usr/bin/env bash
# The real Alertmanager is told by the real daemon: a message fires with all that its writer put into it, and what is
# ill fires until it is well.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Anything that should take a moment has this long, seconds.
PATIENCE=60
TOKEN=a-token-that-must-not-be-seen

if ! command -v prometheus-alertmanager >/dev/null; then
    apt-get install -qq -y --no-install-recommends prometheus-alertmanager >/dev/null
fi
cargo build --quiet -p commwatch -p commwatch-alertmanager -p commwatch-simulator
# Also where CARGO_TARGET_DIR or a configuration puts it.
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
folder=$(mktemp -d)
simulator= daemon= alertmanager=
end() {
    for pid in $daemon $simulator $alertmanager; do
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
            cat "$folder/last" "$folder/log" "$folder/alertmanager.log"
            return 1
        fi
        sleep 0.2
    done
}

"$built/commwatch-simulator" --silent --listen 127.0.0.1:0 --token "$TOKEN" >"$folder/simulator" 2>&1 &
simulator=$!
until_ "the simulator listens" grep -q '^listening on ' "$folder/simulator"
commbox=$(sed -n 's/^listening on \([^ ]*\) .*/\1/p' "$folder/simulator")

cat >"$folder/alertmanager.yml" <<'YAML'
route: { receiver: nobody }
receivers: [{ name: nobody }]
YAML
prometheus-alertmanager --config.file="$folder/alertmanager.yml" --storage.path="$folder/alertmanager" \
    --web.listen-address=127.0.0.1:0 --cluster.listen-address= >"$folder/alertmanager.log" 2>&1 &
alertmanager=$!
where() { sed -n 's/.*[Ll]istening on.* address=\([0-9.:]*\).*/\1/p' "$folder/alertmanager.log" | grep .; }
until_ "Alertmanager listens" where
alerts=http://$(where | head -n 1)

(umask 077 && echo "$TOKEN" >"$folder/token")
cat >"$folder/commwatch.toml" <<TOML
watch = [{ name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" }]

[accounts.main]
base_url = "$commbox"
token = { file = "token" }
rate = "10/s"
timeout = "1s"
console_url = "https://acme.example/widget/object/{object_id}"

[notifiers.alerts]
plugin = "alertmanager"
content = "full"
config = { url = "$alerts", labels = { team = "support" } }

[[route]]
notify = ["alerts"]

[operators]
notify = ["alerts"]

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
"$built/commwatch" run -c "$folder/commwatch.toml" >"$folder/log" 2>&1 &
daemon=$!
fresh() { commwatch status | grep 'The VIP is fresh'; }
until_ "the baseline is taken" fresh

# active MATCHER...: the alerts that fire, as Alertmanager's own tool shows them.
active() { amtool --alertmanager.url="$alerts" alert query --output=json "$@"; }
fires() { active "$@" | grep -q '"startsAt"'; }
is_over() { ! fires "$@"; }

# What customers write must neither be refused nor become anything but text.
said='שלום 👨‍👩‍👧 \"} {{ .Labels }} %zz <b>\u0001\u202e'
curl --fail --silent --show-error "$commbox/_sim/say" -d "{\"object\": 293854, \"text\": \"$said\"}" >/dev/null
until_ "the message fires" fires alertname=CommwatchMessageCreated severity=warning watch=dana account=main \
    conversation=293854 key=main/293854 team=support
active alertname=CommwatchMessageCreated >"$folder/alert"
for text in 'שלום 👨‍👩‍👧 \"} {{ .Labels }} %zz' '"generatorURL":"https://acme.example/widget/object/293854"'; do
    grep -qF -- "$text" "$folder/alert" || { echo "not in the alert: $text"; cat "$folder/alert"; exit 1; }
done

# Ill: the key is refused. Well: it is taken again.
curl --fail --silent --show-error "$commbox/_sim/tokens" -d '{"accept": ["another"]}' >/dev/null
until_ "the refused key fires" fires alertname=CommwatchAccountDenied severity=critical key=account/main
curl --fail --silent --show-error "$commbox/_sim/tokens" -d "{\"accept\": [\"$TOKEN\"]}" >/dev/null
commwatch reload >/dev/null
until_ "the refused key is over" is_over alertname=CommwatchAccountDenied
fires alertname=CommwatchMessageCreated || { echo "the message is over as well"; exit 1; }

if ! commwatch notifiers | grep -q '^alerts .*running'; then
    commwatch notifiers
    exit 1
fi
kill -TERM "$daemon"
wait "$daemon"
daemon=
echo "Alertmanager $(prometheus-alertmanager --version 2>&1 | sed -n 's/.*version \([^ ,]*\).*/\1/p'): fired, ended, all as text"
