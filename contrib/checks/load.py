#!/usr/bin/env python3
"""64 clients mix creates, updates, reads, starts and deletes while 5,000 runs a minute go on, for some minutes.

    contrib/checks/load.py target/release/nimesha [minutes]

Fails on an answer that is not the expected one, on an update that was lost, on a line of WARN or ERROR in the log, on
memory that grows and on a database that `nimesha check` finds wrong. Prints figures. Takes 5 minutes unless told
otherwise, and wants two cores.
"""
import http.client
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = 64
TICKING = 84  # jobs, each due once a second: 5,040 runs a minute
JOBS_MAX = 20  # that a client keeps
GROWTH_MAX_MIB = 8  # of the last third of the time over the third before


class Server:
    """A server of its own on a free port."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.log = directory / "log"
        words = [program, "serve", "--port", "0", "--boltpath", str(directory)]
        self.process = subprocess.Popen(words, stderr=self.log.open("w"))
        self.port = self.await_port()

    def await_port(self):
        for _ in range(600):
            found = [word for word in self.log.read_text().split() if word.startswith(":")]
            if found:
                return int(found[0][1:])
            time.sleep(0.1)
        raise SystemExit("the server does not start")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def troubles(self):
        """What it warned of; and how many runs waited for a worker, which on a busy machine is no fault."""
        lines = self.log.read_text().splitlines()
        lines = [line for line in lines if " [WARN] " in line or " [ERROR] " in line]
        troubles = [line for line in lines if " ms in the queue" not in line]
        return troubles, len(lines) - len(troubles)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Client(threading.Thread):
    """One connection that changes jobs of its own, and knows what they must be."""

    def __init__(self, server, number, until):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.random = random.Random(number)
        self.number, self.until = number, until
        self.jobs = {}  # id -> description
        self.count = 0
        self.slowest = 0.0
        self.fault = None

    def call(self, method, path, expected, body=None):
        began = time.monotonic()
        data = None if body is None else json.dumps(body)
        self.connection.request(method, "/api/v1" + path, data)
        answer = self.connection.getresponse()
        text = answer.read()
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.count += 1
        if answer.status != expected:
            raise AssertionError(f"{method} {path}: {answer.status} instead of {expected}: {text[:300]}")
        return json.loads(text) if text else None

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.act()
            for job in list(self.jobs):
                self.look(job)
        except Exception as fault:  # a thread's own would only be printed
            self.fault = f"client {self.number}: {fault!r}"

    def act(self):
        dice = self.random.random()
        if not self.jobs or (dice < 0.1 and len(self.jobs) < JOBS_MAX):
            return self.create()
        job = self.random.choice(list(self.jobs))
        if dice < 0.35:
            self.update(job)
        elif dice < 0.45:
            self.call("POST", f"/job/start/{job}/?wait=false", 204)
        elif dice < 0.53:
            self.call("DELETE", f"/job/{job}/", 204)
            del self.jobs[job]
            self.call("GET", f"/job/{job}/", 404)
        elif dice < 0.56:
            self.call("GET", "/job/?limit=20", 200)
        elif dice < 0.70:
            self.call("GET", f"/job/{job}/runs/?limit=5", 200)
        else:
            self.look(job)

    def create(self):
        schedule = self.random.choice(["@manual", "@daily", "R//PT5S", ""])
        body = {"name": f"client {self.number}", "command": "true", "schedule": schedule, "description": "new"}
        self.jobs[self.call("POST", "/job/", 201, body)["id"]] = "new"

    def update(self, job):
        description = f"version {self.count}"
        self.call("PATCH", f"/job/{job}/", 200, {"description": description})
        self.jobs[job] = description

    def look(self, job):
        found = self.call("GET", f"/job/{job}/", 200)["job"]["description"]
        if found != self.jobs[job]:
            raise AssertionError(f"lost update of {job}: {found!r} instead of {self.jobs[job]!r}")


def stats(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/api/v1/stats/")
    return json.load(connection.getresponse())["Stats"]


def create_ticking(server):
    ticking = Client(server, -1, 0)
    for number in range(TICKING):
        body = {"name": f"tick {number}", "command": "true", "schedule": "R//PT1S"}
        ticking.call("POST", "/job/", 201, body)


def watch(server, clients):
    memory = []
    while any(client.is_alive() for client in clients):
        memory.append(server.resident_mib())
        time.sleep(1)
    return memory


def check_memory(memory):
    third = len(memory) // 3
    before, after = max(memory[third : 2 * third]), max(memory[2 * third :])
    print(f"memory {memory[0]:.1f} MiB at first, {before:.1f} MiB in the second third, {after:.1f} MiB in the last")
    return [] if after < before + GROWTH_MAX_MIB else [f"memory grew from {before:.1f} to {after:.1f} MiB"]


def main():
    program, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    with tempfile.TemporaryDirectory() as name:
        server = Server(program, pathlib.Path(name))
        create_ticking(server)
        began = time.monotonic()
        clients = [Client(server, number, began + 60 * minutes) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        memory = watch(server, clients)
        seconds = time.monotonic() - began
        figures = stats(server)
        faults = [client.fault for client in clients if client.fault] + check_memory(memory)
        requests, runs = sum(client.count for client in clients), figures["success_count"]
        print(f"{requests} requests, {requests / seconds:.0f} a second, the slowest {max(c.slowest for c in clients):.2f} s")
        print(f"{runs} runs of jobs that are left, {runs * 60 / seconds:.0f} a minute")
        print(f"{figures['error_count']} failed, {figures['missed_count']} missed, {figures['skipped_count']} skipped")
        if figures["error_count"]:
            faults.append("runs failed")
        if server.stop() != 0:
            faults.append("the server did not stop well")
        troubles, waits = server.troubles()
        faults += troubles[:20]
        print(f"{waits} runs waited over a second for a worker")
        checked = subprocess.run([program, "check", name], capture_output=True, text=True)
        print(checked.stdout, end="")
        faults += [checked.stderr] if checked.returncode else []
    print("\n".join(faults) or "no error, no lost update, memory flat")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
