#!/bin/bash
# Writes the pages of the documentation as the package has them: where they lie under /usr/share/doc/commwatch, with links
# that lead to what is installed. What is not, is named without a link.
#
#   packaging/pages.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?usage: pages.sh FOLDER}
rm -rf "$folder"
mkdir -p "$folder/plugins" "$folder/docs"

# page FILE AS: `../` of its links goes first, since all pages are near each other in the package.
page() {
    sed -E \
        -e 's#\]\((\.\./)+#](#g' \
        -e 's#\]\(plugins/([a-z]+)/README\.md#](plugins/\1.md#g' \
        -e 's#\]\(webhook/README\.md#](plugins/webhook.md#g' \
        -e 's#\]\((monitoring|systemd|packaging)/README\.md#](\1.md#g' \
        -e 's#\]\(config\.example\.toml\)#](examples/config.example.toml)#g' \
        -e 's#\]\(daemon/schema/#](/usr/share/commwatch/schema/#g' \
        -e 's#\]\(plugin-api/include/#](/usr/share/commwatch/include/#g' \
        -e 's#\]\(CHANGELOG\.md\)#](changelog.gz)#g' \
        -e 's#\]\(LICENSE-[A-Z]+\)#](copyright)#g' \
        -e 's#\[([^]]*)\]\((ARCHITECTURE\.md|Dockerfile|daemon/tests/|simulator/|plugin-api/examples/|plugins/log\))[^)]*\)?#\1#g' \
        "$1" | up "$2" >"$folder/$2"
}
# up AS: from a page in a folder, the others lie above.
up() {
    case $1 in
    plugins/*) sed -E 's#\]\(([a-z]+[/.])#](../\1#g; s#\]\(\.\./plugins/#](#g' ;;
    *) cat ;;
    esac
}

page README.md README.md
page docs/json.md docs/json.md
cp docs/page.png "$folder/docs/"
for place in monitoring systemd packaging; do page $place/README.md $place.md; done
for plugin in plugins/*/README.md; do page "$plugin" "plugins/$(basename "$(dirname "$plugin")").md"; done
