#!/usr/bin/env python3
"""Writes first.ld, the functions that a gateway runs from its start to its rest.

service/linux/layout/trace.py

It builds the program, has it serve both ways in valgrind, which counts every instruction, and names the
functions that there were any of. What is written depends on the program alone, and hardly on the
processor: valgrind shows it one of its own.
"""

import bisect
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
PROGRAM = TOP / "target" / "release" / "crmgate"
PEERS = HERE.parent / "try" / "peers.py"

# Names of which less is in use than this go last. `<&T as Debug>::fmt` is hundreds of functions in one
# program, of which a start runs two.
SPARSE = 0.1

CONFIGURATION = {
    "ssl.ini": """
        [SSL_SERVER_CLIENT]
        CA_FILE=./ssl/company-ca.pem
        PEM_FILE=./ssl/gateway.pem
        [SSL_SERVER_CLIENT EC]
        CA_FILE=./ec/company-ca.pem
        PEM_FILE=./ec/gateway.pem
        """,
    "CRMConnectorSAP_SAP1.ini": """
        [Config]
        TpiDllParameter=SSL
        [Requests]
        Listen=127.0.0.1:{requests}
        SideA=http://127.0.0.1:{connector}
        SideB=http://127.0.0.1:{nobody}
        [Events]
        Listen=127.0.0.1:{events}
        Crm=https://127.0.0.1:{crm}
        """,
    "CRMConnectorSAP_EC.ini": """
        [Config]
        TpiDllParameter=SSL
        [Requests]
        Listen=127.0.0.1:{requests_ec}
        SideA=http://127.0.0.1:{connector}
        """,
    # The folder of the log is one that the sandbox lets anything be written to: valgrind writes there.
    "crmgate.ini": """
        [Admin]
        Listen=127.0.0.1:{admin}
        [Log]
        File=./out/log
        """,
}


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def free_ports(names):
    """A port that nobody has for each name; held until all are known, so that they differ."""
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: one.getsockname()[1] for name, one in held.items()}
    for one in held.values():
        one.close()
    return ports


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Callers:
    """What comes to a gateway, by curl and openssl. `folder` has the certificates."""

    def __init__(self, folder, ports):
        self.folder = folder
        self.ports = ports
        self.session = folder / "session"

    def curl(self, port, *options, path=""):
        url = f"http://127.0.0.1:{self.ports[port]}/{path}"
        if port.startswith("requests"):
            url = url.replace("http:", "https:")
            pki = self.folder / ("ec" if port.endswith("_ec") else "ssl")
            options = ("--cacert", pki / "company-ca.pem", "--cert", pki / "sap-crm.pem", *options)
        nothing = ["-o", "/dev/null"]
        run("curl", "-sS", *options, *nothing, url, *nothing, url)

    def soap(self, port, *options):
        self.curl(port, "-H", "Content-Type: text/xml", "-d", "<a/>", *options)

    def resumed(self, version):
        client = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{self.ports['requests']}"]
        client += [version, "-cert", self.folder / "ssl/sap-crm.pem"]
        request = b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
        for held in ["-sess_out", "-sess_in"]:
            run(*client, held, self.session, input=request, capture_output=True)


def to_rest(callers, _):
    """A start and a few requests, after which a gateway has what it always needs."""
    callers.soap("requests", "--tls-max", "1.3")


def all_day(callers, peers):
    """What comes in a day: both kinds of keys, versions of TLS, sessions taken up, events, looks, no side."""
    callers.soap("requests_ec")
    for version, flag in [("1.2", "-tls1_2"), ("1.3", "-tls1_3")]:
        callers.soap("requests", "--tls-max", version)
        callers.resumed(flag)
    callers.soap("events")
    # Not `/metrics`: it reads a clock through the vDSO, which valgrind hides, and ends there.
    callers.curl("admin", path="api/v1/status")
    peers.kill()
    callers.soap("requests")
    callers.soap("events")


def trace(folder, ports, course):
    """Has the program serve, and gives the addresses of its instructions that were executed."""
    pki = [folder / "ssl/sap-crm.pem", folder / "ssl/company-ca.pem"]
    ends = [str(ports["connector"]), str(ports["crm"])]
    peers = subprocess.Popen([sys.executable, PEERS, *ends, *pki])
    counted = folder / "out/counted"
    valgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes", f"--callgrind-out-file={counted}"]
    with open(folder / "log", "wb") as log:
        gateway = subprocess.Popen(
            [*valgrind, PROGRAM, "run", "--config", folder], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 120
        while not is_ready(ports["admin"]):
            if gateway.poll() is not None or time.monotonic() > deadline:
                sys.exit((folder / "log").read_text())
            time.sleep(0.1)
        mapped = pathlib.Path(f"/proc/{gateway.pid}/maps").read_text().splitlines()
        base = min(int(line.split("-")[0], 16) for line in mapped if line.endswith(str(PROGRAM)))
        course(Callers(folder, ports), peers)
    finally:
        gateway.terminate()
        gateway.wait()
        peers.kill()
        peers.wait()
    return set(executed(counted.read_text(errors="replace").splitlines(), base))


def executed(lines, base):
    """The addresses of the program's own instructions, as they are in its file. Of what is not in `.text`,
    such as that which was put first, valgrind does not know whose it is, and says where it was in memory."""
    names, here, at = {}, None, 0
    for line in lines:
        named = re.match(r"(c?)ob=\((\d+)\)(?: (.*))?", line)
        if named:
            is_call, number, name = named.groups()
            if name:
                names[number] = name
            if not is_call:
                here = names.get(number)
        elif re.match(r"[-+*0]", line):
            # Positions are absolute, or what was added to the last one.
            where = line.split()[0]
            if where.startswith("0x"):
                at = int(where, 16)
            elif where != "*":
                at += int(where)
            if here == str(PROGRAM):
                yield at
            elif here == "???":
                yield at - base


def functions():
    """Where each function begins, how long it is, and its name as the linker sees it."""
    listed = run("nm", "-S", "--defined-only", PROGRAM, capture_output=True, text=True).stdout
    parted = (line.split(" ", 3) for line in listed.splitlines())
    code = (part for part in parted if len(part) == 4 and part[2] in "tTwW")
    return sorted((int(part[0], 16), int(part[1], 16), part[3]) for part in code)


def pattern(name):
    """The name without what changes with the compiler and with versions of libraries."""
    if name.startswith("_R"):
        # Copies of a function have a number behind its name.
        name = re.sub(r"\.\d+$", "", name) + "*"
    name = re.sub(r"17h[0-9a-f]{16}E.*$", "17h*", name)
    return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name)


def ran(known, addresses):
    """The numbers of the functions that these addresses are in. Functions that turned out to be alike lie
    in one place under several names, of which the linker knows one."""
    begins = [begin for begin, _, _ in known]
    for address in addresses:
        last = bisect.bisect_right(begins, address)
        for number in range(bisect.bisect_left(begins, begins[last - 1]) if last else 0, last):
            begin, length, _ = known[number]
            if address < begin + length:
                yield number


def first(traces):
    """The patterns: what the first trace has comes first, then what others have, and last what is in
    use for the least part. Else they stay as they lie in the program, where neighbours belong together."""
    known = functions()
    size, used, since = {}, {}, {}
    for _, length, name in known:
        name = pattern(name)
        size[name] = size.get(name, 0) + length
    seen = set()
    for number, addresses in enumerate(traces):
        for function in set(ran(known, addresses)) - seen:
            seen.add(function)
            _, length, name = known[function]
            name = pattern(name)
            used[name] = used.get(name, 0) + length
            since.setdefault(name, number)

    def place(name):
        is_sparse = used[name] < SPARSE * size[name]
        return len(traces) if is_sparse else since[name]

    in_order = dict.fromkeys(pattern(known[function][2]) for function in sorted(seen))
    return sorted(in_order, key=place)


def main():
    run("cargo", "build", "--release", cwd=TOP)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "out").mkdir()
        for kind, pki in [("rsa", "ssl"), ("ec", "ec")]:
            made = [PROGRAM, "certs", "init", "--key", kind, folder / pki]
            run(*made, stdout=subprocess.DEVNULL)
        ports = free_ports(["requests", "requests_ec", "events", "admin", "connector", "crm", "nobody"])
        for name, text in CONFIGURATION.items():
            (folder / name).write_text(text.replace("        ", "").format(**ports))
        names = first([trace(folder, ports, course) for course in (to_rest, all_day)])
    # Cold functions have sections of another name.
    lines = [f"    *(.text.{name} .text.unlikely.{name})" for name in names]
    text = [
        "/* Written by trace.py beside it: what a gateway runs from its start to its rest. */",
        "SECTIONS",
        "{",
        "  .text.first :",
        "  {",
        *lines,
        "  }",
        "}",
        "INSERT BEFORE .text;",
    ]
    (HERE / "first.ld").write_text("\n".join(text) + "\n")
    print(f"{len(names)} names")


main()
