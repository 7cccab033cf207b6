#!/usr/bin/env bash
# The real Alertmanager is told by the real daemon: a message fires with all that its writer put into it, and what is
# ill fires until it is well.
. "$(dirname "$0")/common.sh"

if ! command -v prometheus-alertmanager >/dev/null; then
    apt-get install -qq -y --no-install-recommends prometheus-alertmanager >/dev/null
fi
start_simulator

cat >"$folder/alertmanager.yml" <<'YAML'
route: { receiver: nobody }
receivers: [{ name: nobody }]
YAML
# start_alertmanager FOLDER ADDRESS: it knows what stands in the folder.
start_alertmanager() {
    prometheus-alertmanager --config.file="$folder/alertmanager.yml" --storage.path="$folder/$1" \
        --web.listen-address="$2" --cluster.listen-address= >"$folder/$1.log" 2>&1 &
    alertmanager=$!
    others+=($alertmanager)
    until_ "Alertmanager listens" listens "$folder/$1.log"
}
start_alertmanager alertmanager 127.0.0.1:0
alerts=http://$(listens "$folder/alertmanager.log")

cat >"$folder/commwatch.toml" <<TOML
watch = [{ name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" }]

[notifiers.alerts]
plugin = "alertmanager"
content = "full"
config = { url = "$alerts", labels = { team = "support" } }

[[route]]
notify = ["alerts"]

[operators]
notify = ["alerts"]

$(common_tables)
console_url = "https://acme.example/widget/object/{object_id}"
TOML
commwatch check
start_daemon

# active MATCHER...: the alerts that fire, as Alertmanager's own tool shows them.
active() { amtool --alertmanager.url="$alerts" alert query --output=json "$@"; }
fires() { active "$@" | grep -q '"startsAt"'; }
is_over() { ! fires "$@"; }

# What customers write must neither be refused nor become anything but text.
said='שלום 👨‍👩‍👧 \"} {{ .Labels }} %zz <b>\u0001\u202e'
sim say "{\"object\": 293854, \"text\": \"$said\"}"
until_ "the message fires" fires alertname=CommwatchMessageCreated severity=warning watch=dana account=main \
    conversation=293854 key=main/293854 team=support
active alertname=CommwatchMessageCreated >"$folder/alert"
for text in 'שלום 👨‍👩‍👧 \"} {{ .Labels }} %zz' '"generatorURL":"https://acme.example/widget/object/293854"'; do
    grep -qF -- "$text" "$folder/alert" || { echo "not in the alert: $text"; cat "$folder/alert"; exit 1; }
done

# Ill: the key is refused. Well: it is taken again.
sim tokens '{"accept": ["another"]}'
until_ "the refused key fires" fires alertname=CommwatchAccountDenied severity=critical key=account/main
# One that has lost its memory is told again of what lasts, within a minute and a half.
kill -9 "$alertmanager"
wait "$alertmanager" 2>/dev/null || true
start_alertmanager empty "${alerts#http://}"
is_over alertname=CommwatchAccountDenied || { echo "an empty Alertmanager knows of it"; exit 1; }
PATIENCE=90 until_ "the refused key fires again" fires alertname=CommwatchAccountDenied severity=critical key=account/main
sim tokens "{\"accept\": [\"$TOKEN\"]}"
commwatch reload >/dev/null
until_ "the refused key is over" is_over alertname=CommwatchAccountDenied
is_over alertname=CommwatchMessageCreated || { echo "a message is said again, though it does not last"; exit 1; }

if ! commwatch notifiers | grep -q '^alerts .*running'; then
    commwatch notifiers
    exit 1
fi
stop_daemon
echo "Alertmanager $(prometheus-alertmanager --version 2>&1 | sed -n 's/.*version \([^ ,]*\).*/\1/p'): fired, ended, all as text"
