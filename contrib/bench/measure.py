#!/usr/bin/env python3
"""Measures servers that speak Kala's API, from outside, one after the other on the same machine.

    measure.py --server 'kala=kala serve -i 127.0.0.1 -p {port} --bolt-path={dir}' \\
               --server 'nimesha=nimesha serve -p {port} --bolt-path={dir}' --out results.json

Needs Python 3.11, gcc and wrk. Leave the machine alone meanwhile; every rate stands beside the machine's own limit,
measured in the same run. `--only lateness,api` measures a part, `--seconds` sets how long each load lasts.
"""
import argparse, datetime, http.client, json, os, pathlib, platform, re, shlex, signal, socket, statistics
import subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).parent
API = "/api/v1/job/"
FAR = "R/2099-01-01T00:00:00Z/PT1H"


class Server:
    """A server under measurement, in a directory of its own."""

    def __init__(self, command, directory):
        self.directory = directory
        self.port = free_port()
        words = shlex.split(command.format(port=self.port, dir=directory))
        began = time.monotonic()
        log = open(pathlib.Path(directory) / "log", "ab")
        self.process = subprocess.Popen(words, stdout=log, stderr=log)
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - began > 120:
                sys.exit(f"{words[0]} does not answer, see {directory}/log")
            time.sleep(0.0005)
        self.ready_ms = (time.monotonic() - began) * 1e3

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answers(self):
        try:
            return self.get("/api/v1/stats/") is not None
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())

    def create(self, jobs, connections=8):
        """Creates jobs over kept-alive connections, one request on its way in each; gives their ids."""
        jobs, ids = iter(jobs), []
        open_ones = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(connections)]
        files = [one.makefile("rb") for one in open_ones]
        while True:
            asked = []
            for one, file in zip(open_ones, files):
                job = next(jobs, None)
                if job is None:
                    break
                one.sendall(post(job))
                asked.append(file)
            for file in asked:
                ids.append(json.loads(answer(file))["id"])
            if not asked:
                return ids

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(job):
    body = json.dumps(job).encode()
    head = f"POST {API} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(file):
    status = file.readline()
    length = 0
    while (line := file.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = file.read(length)
    if b" 201" not in status:
        raise SystemExit(f"a create was answered with {status!r} {body[:200]!r}")
    return body


def instant(ns):
    second = datetime.datetime.fromtimestamp(ns // 10**9, datetime.UTC)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{ns % 10**9 // 1000:06d}Z"


class Stamps:
    """The file that started programs write their times into."""

    def __init__(self, tools, directory, count):
        self.program = tools
        self.file = pathlib.Path(directory) / "stamps"
        self.file.write_bytes(bytes(8 * count))

    def command(self, place):
        return f"{self.program} {self.file} {place}"

    def read(self):
        data = self.file.read_bytes()
        return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]

    def wait(self, patience):
        end = time.monotonic() + patience
        while 0 in (times := self.read()) and time.monotonic() < end:
            time.sleep(0.1)
        return times


def quantiles(values):
    ordered = sorted(values)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
    return {"p50": at(0.5), "p99": at(0.99), "max": ordered[-1]}


def due_jobs(server, tools, dues):
    """Lets one job run at each instant; gives how late each was in ms, and when they ran."""
    stamps = Stamps(tools, server.directory, len(dues))
    server.create(
        {"name": f"due {n}", "command": stamps.command(n), "schedule": f"R0/{instant(due)}/PT1H"} for n, due in enumerate(dues)
    )
    patience = max(dues) / 1e9 - time.time() + 60
    times = stamps.wait(patience)
    ran = [(at - due) / 1e6 for at, due in zip(times, dues) if at]
    return ran, [at for at in times if at]


def lateness(make, tools, options):
    result = {}
    for name, step_ms in [("1,000 jobs 10 ms apart", 10), ("1,000 jobs at one instant", 0)]:
        with make() as server:
            begin = time.time_ns() // 1000 * 1000 + 6 * 10**9
            late, _ = due_jobs(server, tools, [begin + n * step_ms * 10**6 for n in range(1000)])
            result[name] = {"late_ms": quantiles(late), "never_ran": 1000 - len(late), "all_ms": sorted(late)[::10]}
    return result


def burst(make, tools, options):
    with make() as server:
        count = options.burst
        begin = time.time_ns() // 1000 * 1000 + (10 + count // 400) * 10**9
        late, times = due_jobs(server, tools, [begin] * count)
        took = (max(times) - begin) / 1e9
        return {"jobs": count, "never_ran": count - len(late), "runs_per_s": len(late) / took, "cpu_s": server.cpu_seconds()}


def footprint(make, tools, options):
    with make() as server:
        program = pathlib.Path(f"/proc/{server.process.pid}/exe").resolve()
        result = {"program_mib": program.stat().st_size / 2**20, "ready_ms": server.ready_ms, "memory_mib": {}}
        have = 0
        for count in [0, 10_000, 100_000]:
            server.create(
                {"name": f"job {n}", "command": f"/bin/true {n}", "schedule": FAR} for n in range(have, count)
            )
            have = count
            time.sleep(2)
            result["memory_mib"][str(count)] = server.memory_mib()
    with make(server.directory) as again:
        result["ready_ms_with_100000"] = again.ready_ms
        result["memory_mib"]["100000, started anew"] = again.memory_mib()
    return result


def api(make, tools, options):
    result = {"fdatasync_per_s": disk_limit(options.work)}
    with make() as server:
        ids = server.create({"name": f"job {n}", "command": f"/bin/true {n}", "schedule": FAR} for n in range(10_000))
        for name, path in [("GET one of 10,000", API + ids[5000] + "/"), ("GET stats of 10,000", "/api/v1/stats/"), ("GET list of 10,000", API)]:
            result[name] = {c: wrk(server, path, c, options) for c in (1, 8, 64)}
        result["memory_mib_after"] = server.memory_mib()
    for connections in (1, 8, 64):
        with make() as server:
            result.setdefault("create", {})[connections] = wrk(server, API, connections, options, creates=True)
    return result


def wrk(server, path, connections, options, creates=False):
    words = ["wrk", "-t1", f"-c{connections}", f"-d{options.seconds}s", f"http://127.0.0.1:{server.port}{path}"]
    if creates:
        words[1:1] = ["-s", str(HERE / "create.lua")]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed:
        sys.exit(f"{path}: {printed}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])


def disk_limit(directory):
    """Writes of 4 KiB with an fdatasync each, in place, a second."""
    path = pathlib.Path(directory) / "disk"
    path.write_bytes(bytes(1 << 20))
    file = os.open(path, os.O_WRONLY)
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < 2:
        os.pwrite(file, bytes(4096), count % 256 * 4096)
        os.fdatasync(file)
        count += 1
    os.close(file)
    return count / (time.monotonic() - begin)


def sustained(make, tools, options):
    seconds, count = options.sustained, 1000
    with make() as server:
        begin = time.time_ns() // 10**9 * 10**9 + 8 * 10**9
        server.create(
            {"name": f"tick {n}", "command": "/bin/true", "schedule": f"R{seconds - 1}/{instant(begin)}/PT1S"} for n in range(count)
        )
        time.sleep(max(0, begin / 1e9 - time.time()))
        before = server.cpu_seconds()
        time.sleep(seconds)
        cpu = server.cpu_seconds() - before
        wanted, end = seconds * count, time.monotonic() + 60
        while (ran := server.get("/api/v1/stats/")["Stats"]["success_count"]) < wanted and time.monotonic() < end:
            time.sleep(0.5)
        return {"wanted": wanted, "ran": ran, "cpu_s": cpu}


MEASURES = {f.__name__: f for f in (lateness, burst, footprint, api, sustained)}


def machine(tools):
    run = lambda *words: subprocess.run([tools, *words], capture_output=True, text=True, check=True).stdout
    p50, p99 = map(int, run("once", "2000").split())
    limits = {threads: float(run("limit", str(threads), "8000")) for threads in (1, 2, 4)}
    return {
        "system": f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}",
        "date": datetime.date.today().isoformat(),
        "spawn_ms": {"p50": p50 / 1e6, "p99": p99 / 1e6},
        "spawns_per_s": limits,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--only", default=",".join(MEASURES), metavar="MEASURES")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=3, help="how long wrk loads a server each time")
    parser.add_argument("--burst", type=int, default=10_000, help="jobs at one instant")
    parser.add_argument("--sustained", type=int, default=60, help="seconds of 1,000 jobs a second")
    parser.add_argument("--work", default=None, help="directory for stores; its disk is the one that counts")
    parser.add_argument("--out", default="results.json")
    options = parser.parse_args()
    options.work = tempfile.mkdtemp(prefix="nimesha-bench-", dir=options.work)
    tools = f"{options.work}/stamp"
    subprocess.run(["gcc", "-O2", "-static", "-pthread", "-o", tools, HERE / "stamp.c"], check=True)
    results = {"machine": machine(tools), "servers": {}}
    for number in range(options.rounds):
        for name, command in (text.split("=", 1) for text in options.server):
            for measure in options.only.split(","):
                make = lambda at=None: Server(command, at or tempfile.mkdtemp(dir=options.work))
                print(f"round {number + 1}: {name}: {measure}", file=sys.stderr)
                rounds = results["servers"].setdefault(name, {}).setdefault(measure, [])
                rounds.append(MEASURES[measure](make, tools, options))
                pathlib.Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def show(results):
    """Prints a table, a row a figure: the median of the rounds for each server."""
    servers = results["servers"]
    print(f"| {results['machine']['system']} | " + " | ".join(servers) + " |")
    print("| --- |" + " --- |" * len(servers))
    rows = {}
    for name, measures in servers.items():
        for measure, rounds in measures.items():
            for key, values in figures(measure, rounds):
                rows.setdefault(key, {})[name] = statistics.median(values)
    for key, cells in rows.items():
        texts = (f"{cells[name]:,.2f}" if name in cells else "" for name in servers)
        print(f"| {key} | " + " | ".join(texts) + " |")
    print("\nmachine:", json.dumps(results["machine"]))


def figures(measure, rounds):
    flat = [dict(flatten(measure, result)) for result in rounds]
    return [(key, [one[key] for one in flat if key in one]) for key in flat[0]]


def flatten(prefix, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "all_ms":
                yield from flatten(f"{prefix}: {key}", inner)
    else:
        yield prefix, value


if __name__ == "__main__":
    main()
