#!/usr/bin/env bash
# The requests that the plugins' tests hold are such as the services' own libraries know them: Slack's blocks, Telegram's
# sendMessage, Twilio's form, Google Chat's cards, Teams' Adaptive Cards. (Alertmanager itself is asked by alertmanager.sh.
# For PagerDuty, ntfy, Discord and Mattermost there is no library that knows more than that something is JSON.)
set -euo pipefail
cd "$(dirname "$0")/../.."

# What a library says does not change from one version to the next without our noticing.
PYTHON=(slack_sdk==3.48.0 aiogram==3.31.0 twilio==9.13.0 google-apps-chat==0.10.7)
NODE=adaptivecards@3.0.6
UV=uv==0.13.9

missing=()
command -v npm >/dev/null || missing+=(nodejs npm)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Several times as fast as pip with so many files.
python3 -m pip install --quiet --no-compile --disable-pip-version-check --root-user-action ignore \
    --target "$folder/uv" "$UV"
"$folder/uv/bin/uv" pip install --quiet --no-cache --target "$folder/python" "${PYTHON[@]}"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "$NODE" >/dev/null

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$folder/python python3 .ci/real/models/read.py "$folder/cards.json"
NODE_PATH=$folder/node_modules node .ci/real/models/cards.js "$folder/cards.json"
echo "read as they are written by ${PYTHON[*]} $NODE"
