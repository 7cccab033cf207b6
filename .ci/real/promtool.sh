#!/bin/sh
# What a running daemon exports is what Prometheus' own checker calls good: promtool.sh http://127.0.0.1:9479/metrics
set -eu
url=${1:?usage: promtool.sh URL}

if ! command -v promtool >/dev/null; then
    apt-get install -qq -y --no-install-recommends prometheus >/dev/null
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
curl --fail --silent --show-error --max-time 10 --output "$folder/metrics" "$url"

# An empty page would be called good as well.
grep -q '^commwatch_build_info{' "$folder/metrics" || { echo "$url: no commwatch_build_info"; exit 1; }
promtool check metrics <"$folder/metrics"
echo "$url: $(grep -c '^# TYPE ' "$folder/metrics") metrics, all good"
