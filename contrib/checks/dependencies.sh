#!/usr/bin/env bash
# What the program depends on: licences, sources and banned crates by deny.toml, known faults where the database of
# advisories can be reached, and no async runtime in the build without features.
#
#   contrib/checks/dependencies.sh   needs cargo-deny
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo deny --config contrib/deny.toml --locked check bans licenses sources
if cargo deny --config contrib/deny.toml --locked fetch db; then
    cargo deny --config contrib/deny.toml --locked check advisories
else
    echo "NOT CHECKED: the advisories cannot be reached" >&2
fi
if cargo tree --locked --edges normal | grep -w tokio; then
    echo "FAILED: the build without features has tokio" >&2
    exit 1
fi
echo "all well"
