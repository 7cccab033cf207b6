#!/usr/bin/env bash
# The status page as people meet it: the real daemon, fed by the simulator, in a real Chromium. Needs npm's registry and
# Debian's. Screenshots are left in .ci/screenshots; `page.sh --picture` makes that of the README as well.
. "$(dirname "$0")/common.sh"

# What is asked does not change from one version to the next without our noticing.
PLAYWRIGHT=playwright-core@1.65.1
AXE=axe-core@4.14.1

missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v npm >/dev/null || missing+=(nodejs npm)
[ -x /usr/bin/python3 ] || missing+=(python3-minimal)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "$PLAYWRIGHT" "$AXE" >/dev/null

start_simulator
start_receiver

(umask 077 && echo a-page-token >"$folder/page-token")
long=$(printf 'Donaudampfschifffahrtsgesellschaft%.0s' 1 2 3 4 5 6)
evil="\\\"'><script>hurt()</script><img src=x onerror=hurt()>" turned=" \\u202e gnihsihp"
if [ "${1-}" = --picture ]; then long="Noa Example" evil="Initech / support" turned=; fi
sim conversation '{"stream": 600, "object": 1, "first_name": "Noa", "channel": "mail"}'
sim conversation '{"stream": 600, "object": 2, "first_name": "Max", "channel": "mail"}'
sim conversation '{"stream": 600, "object": 3, "first_name": "Eve", "channel": "mail"}'
sim conversation '{"stream": 600, "object": 4, "first_name": "Ida", "channel": "mail", "identity": 4711}'
sim conversation '{"stream": 532, "object": 5, "first_name": "Ida", "identity": 4711}'
cat >"$folder/commwatch.toml" <<TOML
watch = [
  { name = "dana", title = "ACME / Dana Levi", priority = "vip", tags = ["acme"], stream = 532, object = 293854, interval = "1s" },
  { name = "ruth", title = "רות לדוגמה$turned", priority = "vip", stream = 41211, object = 2251799813689310, interval = "1s" },
  { name = "lee-invoices", title = "Lee / invoices", stream = 41210, object = 70012006, interval = "1s" },
  { name = "noa", title = "$long", stream = 600, object = 1, interval = "1s" },
  { name = "max", title = "Max", stream = 600, object = 2, interval = "1s" },
  { name = "anyone", title = "Ida, wherever she writes", customer = 4711, discovery = "1s", interval = "1s" },
  { name = "hostile", title = "$evil", stream = 600, object = 3, interval = "1s" },
]

$(receiver_tables)

[[route]]
notify = ["log", "hook"]

[[route]]
unanswered_for = ["1h"]
notify = ["log"]

[operators]
notify = ["log", "hook"]

$(common_tables | sed 's|^listen = .*|&\ntoken = { file = "page-token" }\nshow_text = true|')
TOML
fresh() { commwatch status | grep 'All 2 VIPs are fresh'; }
start_daemon
page=$(sed -n 's|.*status on \(http://[^ ]*\)/.*|\1|p' "$folder/log" | head -n 1)

mkdir -p .ci/screenshots
NODE_PATH=$folder/node_modules PAGE=$page COMMBOX=$commbox PAGE_TOKEN=a-page-token SHOTS=$PWD/.ci/screenshots FOLDER=$folder \
    COMMWATCH=$built/commwatch node .ci/real/page/drive.js "$@"

# Whoever keeps the page open does not delay the end.
curl --silent --no-buffer "$page/api/stream" >"$folder/stream" &
others+=($!)
until_ "a stream is open" grep -q '^retry' "$folder/stream"
stop_daemon
if grep -q 'stopping: http took too long' "$folder/log"; then
    echo "an open page delays the end"
    exit 1
fi
if grep -qF -e "$TOKEN" -e a-page-token "$folder/log" "$folder/stream"; then
    echo "a secret is in the log or on the page"
    exit 1
fi
echo "seen by $(chromium --version 2>/dev/null | cut -d ' ' -f 1-2) with $PLAYWRIGHT and $AXE"
