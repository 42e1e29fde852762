"""Opens sockets, keeps them open, and becomes a program that finds them as systemd would pass them.

hand_over.py NAME=KIND:HOST:PORT... -- PROGRAM ARGUMENT...

KIND is tcp or udp. A child holds the sockets as long as the program lives: as a service manager does,
so that nobody else can open the same addresses.
"""

import os
import socket
import sys
import time

FIRST = 3

split = sys.argv.index("--")
opened = []
for word in sys.argv[1:split]:
    name, where = word.split("=", 1)
    kind, host, port = where.split(":")
    if kind == "tcp":
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    else:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((host, int(port)))
    if kind == "tcp":
        one.listen(64)
    # Out of the way of the numbers that they get below.
    opened.append((name, os.dup(one.fileno())))

program = os.getpid()
if os.fork() == 0:
    while os.getppid() == program:
        time.sleep(0.05)
    os._exit(0)

high = []
for name, descriptor in opened:
    aside = descriptor
    while aside < FIRST + len(opened):
        aside = os.dup(aside)
    high.append(aside)
for place, descriptor in enumerate(high):
    os.dup2(descriptor, FIRST + place, inheritable=True)
os.environ["LISTEN_PID"] = str(program)
os.environ["LISTEN_FDS"] = str(len(high))
os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in opened)
os.execv(sys.argv[split + 1], sys.argv[split + 1 :])
