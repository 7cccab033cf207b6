#!/usr/bin/env bash
# The dashboards are what Grafana's own published types say a dashboard is. Needs npm's registry.
set -euo pipefail
cd "$(dirname "$0")/../.."

GRAFANA_SCHEMA=13.2.3
TYPESCRIPT=7.0.2

command -v npm >/dev/null || apt-get install -qq -y --no-install-recommends nodejs npm >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dashboards=$PWD/monitoring
cd "$folder"
npm install --silent --no-audit --no-fund "@grafana/schema@$GRAFANA_SCHEMA" "typescript@$TYPESCRIPT" >/dev/null

# as_typescript FILE: a dashboard as a literal that must be one. In JSON a word of a list is written as that word.
as_typescript() {
    echo 'import type { Dashboard } from "@grafana/schema";'
    echo 'type Written<T> = T extends string ? `${T}`'
    echo '  : T extends (infer One)[] ? Written<One>[]'
    echo '  : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;'
    echo 'export const dashboard: Written<Dashboard> ='
    cat "$1"
}
check() { npx tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022 "$@"; }

for name in overview drilldown; do as_typescript "$dashboards/$name.json" >"$name.ts"; done
check overview.ts drilldown.ts

# A check that finds nothing wrong finds what is.
sed 's/"schemaVersion": 42/"schemaVersion": "42"/; s/"editable"/"editabel"/' "$dashboards/overview.json" >broken.json
as_typescript broken.json >broken.ts
if check broken.ts >/dev/null; then
    echo "a broken dashboard passes for a good one"
    exit 1
fi
echo "overview and drilldown are dashboards by @grafana/schema $GRAFANA_SCHEMA"
