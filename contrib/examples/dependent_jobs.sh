#!/usr/bin/env bash
# Two jobs, the second after each success of the first: make them, start the first, and read what the second wrote.
#
#   contrib/examples/dependent_jobs.sh [http://127.0.0.1:8000]
set -euo pipefail
api="${1:-http://127.0.0.1:8000}/api/v1"
call() { curl --silent --show-error --fail-with-body "$@"; }
# The first id in an answer; with jq it would be: jq -r .id
id() { sed -E 's/^[^[]*\[?\{"id": ?"([^"]*)".*/\1/'; }

parent=$(call "$api/job/" -d '{"name": "extract", "command": "echo extracted", "schedule": "@manual"}' | id)
child=$(call "$api/job/" -d "{\"name\": \"load\", \"command\": \"echo loaded\", \"parent_jobs\": [\"$parent\"]}" | id)

# Answers when the run, and the child's run after it, are over.
call -X POST "$api/job/start/$parent/"

run=$(call "$api/job/$child/runs/?limit=1" | id)
echo "the child wrote: $(call "$api/job/$child/runs/$run/output/")"

# The child has no other parent: it goes along.
call -X DELETE "$api/job/$parent/"
