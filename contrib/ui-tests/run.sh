#!/usr/bin/env bash
# Clicks through the pages in a real browser: installs what that needs, builds the server, runs the tests.
#
#   contrib/ui-tests/run.sh                        all tests
#   NIMESHA_SCREENSHOTS=/tmp/shots .../run.sh      and keep a picture of every view
#
# Needs Node.js 18 and a Chromium; CHROMIUM names one that is not on the PATH, NIMESHA_BIN a server that is built already.
set -euo pipefail
cd "$(dirname "$0")"

CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
if [ -z "$CHROMIUM" ]; then
    echo "no Chromium found: install one (apt-get install chromium), or name it in CHROMIUM" >&2
    exit 1
fi
if [ -z "${NIMESHA_BIN:-}" ]; then
    cargo build --locked --manifest-path ../../Cargo.toml
    NIMESHA_BIN="$(cd ../.. && pwd)/target/debug/nimesha"
fi
npm install --no-audit --no-fund --silent
export CHROMIUM NIMESHA_BIN
# Nothing here takes minutes: what does hangs.
exec timeout 15m npm test --silent
