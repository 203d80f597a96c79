#!/usr/bin/env bash
# Lets schemathesis (PyPI) try the API of a real server with what its description allows, and with what it does not.
#
# Data that is right by the description may be refused all the same: whether a schedule makes sense or a parent exists, no
# schema says. So the check that all valid data is accepted is left out. And so are the events: an answer to them, right or
# wrong in whatever way that is let in, has no end, and schemathesis looks at answers that are whole.
# The seed is fixed: what was found once is found again.
#
#   contrib/checks/schemathesis.sh [PROGRAM]     default: target/debug/nimesha
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$(realpath "${1:-target/debug/nimesha}")
version=4.32.5
home=${XDG_CACHE_HOME:-$HOME/.cache}/nimesha-schemathesis-$version
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

if [ ! -x "$home/bin/schemathesis" ]; then
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

# Nothing that is made up here may run: neither commands, nor requests to whatever address comes out.
"$program" serve --port 0 --no-persist --deny-local-jobs --deny-delete-all 2>"$work/log" &
server=$!
for _ in $(seq 600); do
  port=$(sed -n 's/.*Starting server on port :\([0-9]*\).*/\1/p' "$work/log")
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat "$work/log"; exit 1; }

cd "$work"
"$home/bin/schemathesis" run "http://127.0.0.1:$port/api/v1/openapi.json" \
  --exclude-checks positive_data_acceptance \
  --exclude-path /api/v1/events/ \
  --phases examples,coverage,fuzzing,stateful \
  --max-examples 30 --seed 1 --request-timeout 30 \
  --no-color
kill -0 "$server"
