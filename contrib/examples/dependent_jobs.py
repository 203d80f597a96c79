#!/usr/bin/env python3
"""Two jobs, the second after each success of the first: make them, start the first, and read what the second wrote.

    contrib/examples/dependent_jobs.py [http://127.0.0.1:8000]
"""

import json
import sys
import urllib.error
import urllib.request

API = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000") + "/api/v1"


def call(method, path, body=None):
    """The text of an answer; an error of the server ends the program with its words."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {json.load(error)['error']}") from None


def create(**job):
    return json.loads(call("POST", "/job/", job))["id"]


parent = create(name="extract", command="echo extracted", schedule="@manual")
child = create(name="load", command="echo loaded", parent_jobs=[parent])

# Answers when the run, and the child's run after it, are over.
call("POST", f"/job/start/{parent}/")

[run] = json.loads(call("GET", f"/job/{child}/runs/?limit=1"))["runs"]
print("the child wrote:", call("GET", f"/job/{child}/runs/{run['id']}/output/").strip())

# The child has no other parent: it goes along.
call("DELETE", f"/job/{parent}/")
