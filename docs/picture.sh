#!/usr/bin/env bash
# Makes docs/picture.svg from a real session on the practice cluster: stuck, explain, clear, gone.
# Usage: docs/picture.sh [NSFIX]
set -euo pipefail
cd "$(dirname "$0")/.."
nsfix=${1:-target/debug/nsfix}
dir=$(mktemp -d)
"$nsfix" sandbox rodrigo >"$dir/kubeconfig" 2>/dev/null &
served=$!
trap 'kill "$served" 2>/dev/null; rm -rf "$dir"' EXIT
until [ -s "$dir/kubeconfig" ]; do sleep 0.1; done
KUBECONFIG=$(cat "$dir/kubeconfig")
export KUBECONFIG

play() {
    printf '$ nsfix %s\n' "$*"
    "$nsfix" "$@" 2>&1 || true
}
{
    play list-stuck
    echo
    play explain rodrigo | head -4
    echo
    play clear rodrigo --yes | sed 's| saved to .*| saved|; /^Warning/d'
    echo
    play list-stuck
} | cut -c1-110 >"$dir/session"

lines=$(wc -l <"$dir/session")
{
    printf '<svg xmlns="http://www.w3.org/2000/svg" width="920" height="%d" role="img" aria-label="a session with nsfix">\n' \
        $((lines * 20 + 30))
    printf '<rect width="100%%" height="100%%" rx="8" fill="#1e1e2e"/>\n'
    printf '<g font-family="monospace" font-size="13" fill="#cdd6f4" xml:space="preserve">\n'
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' "$dir/session" | awk '{
        fill = ($0 ~ /^\$ /) ? " fill=\"#a6e3a1\"" : ""
        printf "<text x=\"16\" y=\"%d\"%s>%s</text>\n", NR * 20 + 12, fill, $0
    }'
    printf '</g>\n</svg>\n'
} >docs/picture.svg
