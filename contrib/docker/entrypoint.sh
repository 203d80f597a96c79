#!/bin/sh
# The first thing in the container: whoever reaches the API can run commands, so there is a token from the first start on.
# It is shown once, in the log, and kept in the volume.
set -eu

if [ "${1:-}" = serve ] && [ -n "${NIMESHA_TOKEN_FILE:-}" ] && [ ! -e "$NIMESHA_TOKEN_FILE" ]; then
    secret=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    # Written aside and moved, so that a crash leaves no file without a token in it.
    (umask 077 && printf 'admin admin %s\n' "$secret" > "$NIMESHA_TOKEN_FILE.new")
    mv "$NIMESHA_TOKEN_FILE.new" "$NIMESHA_TOKEN_FILE"
    echo "The token of this server, shown only now: $secret"
fi
# In place of this shell, so that signals reach the server; as process 1 it takes in orphans by itself.
exec nimesha "$@"
