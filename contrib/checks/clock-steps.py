#!/usr/bin/env python3
"""Steps the machine's real clock under a running server and checks what the scheduler makes of it.

    sudo contrib/checks/clock-steps.py target/release/nimesha

Needs CAP_SYS_TIME. The clock is put back at the end, whatever happens, by the monotonic clock; nothing else that minds
its clock should run on the machine meanwhile. Takes about half a minute.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

HOUR = 3600


class Clock:
    """The real clock, and where it would be without us."""

    def __init__(self):
        self.offset = time.time() - time.monotonic()

    def step(self, seconds):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)

    def restore(self):
        time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + self.offset)


class Server:
    """A server of its own on a free port, and one job that runs every second."""

    def __init__(self, program, directory):
        self.lines = directory / "runs"
        self.log = open(directory / "log", "w+")
        words = [program, "serve", "--port", "0", "--boltpath", str(directory)]
        self.process = subprocess.Popen(words, stderr=self.log)
        self.base = f"http://127.0.0.1:{self.port(directory / 'log')}/api/v1"
        command = f"echo $NIMESHA_SCHEDULED_AT >> {self.lines}"
        job = {"name": "each second", "command": command, "schedule": "R//PT1S"}
        self.id = self.call("/job/", job)["id"]

    def port(self, log):
        found = wait("the server starts", lambda: [w for w in log.read_text().split() if w.startswith(":")])
        return found[0].lstrip(":")

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.base + path, data, timeout=20) as answer:
            return json.load(answer)

    def job(self):
        return self.call(f"/job/{self.id}/")["job"]

    def runs(self):
        return self.lines.read_text().split() if self.lines.exists() else []


def wait(what, look, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"FAILED: {what}: not within {seconds} s")


def check(what, holds, shown=""):
    print(f"{'ok    ' if holds else 'FAILED'} {what} {shown}", flush=True)
    if not holds:
        sys.exit(1)


def more(server, count):
    before = len(server.runs())
    wait(f"{count} further runs", lambda: len(server.runs()) >= before + count)


def main(program):
    clock = Clock()
    directory = tempfile.TemporaryDirectory()
    server = Server(program, pathlib.Path(directory.name))
    try:
        more(server, 3)

        clock.step(2 * HOUR)
        more(server, 3)
        missed = server.job()["missed_count"]
        check("two hours forward: what passed is missed, but for the latest", 7190 <= missed <= 7200, missed)
        triggers = {run.get("trigger") for run in server.call(f"/job/{server.id}/runs/")["runs"]}
        check("the latest is caught up, and the grid goes on", {"catch_up", "schedule"} <= triggers, triggers)

        clock.step(-2 * HOUR)
        more(server, 3)
        check("two hours back: nothing waits for the old time", server.job()["next_run_at"] < time_text(HOUR))

        clock.step(-3)
        more(server, 2)
        clock.step(-0.4)
        more(server, 2)
        runs = server.runs()
        check("no occurrence ran twice", len(runs) == len(set(runs)), f"{len(runs)} runs")
        idle_wakeups(server)
    finally:
        server.process.terminate()
        server.process.wait(20)
        clock.restore()
    print("all is well")


def idle_wakeups(server):
    urllib.request.urlopen(urllib.request.Request(f"{server.base}/job/{server.id}/", method="DELETE"), timeout=20)

    def switches():
        tasks = pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/status")
        lines = [line for task in tasks for line in task.read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))

    time.sleep(2)
    before = switches()
    time.sleep(5)
    check("nothing polls the clock", switches() == before, switches() - before)


def time_text(ahead):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/nimesha")
