#!/usr/bin/env python3
"""Connections that talk all the time, for packaging/debian/test.sh.

    flows.py serve NAME                         greet with NAME, then send everything back
    flows.py measure SECONDS N ADDRESS FROM...  hold N connections to ADDRESS for so long, from the addresses FROM by
                                                turns, and say what they went through
    flows.py datagrams SECONDS N ADDRESS FROM...  the same with datagrams of UDP, where no answer is no connection

Each connection sends a byte every 20 ms. One line comes out:

    10 to t1, 10 to t2; 20 alive, 0 reset, 0 silent; longest gap of the living 1234 ms
"""

import itertools
import selectors
import socket
import sys
import time

PORT = 80
PAUSE = 0.02
# Without an answer for so long at the end, a connection is dead, whatever TCP hopes for.
SILENCE = 2.0


def serve(name):
    greeting = name.encode() + b"\n"
    poll = selectors.DefaultSelector()
    listener = socket.create_server(("", PORT), backlog=128)
    poll.register(listener, selectors.EVENT_READ, True)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("", PORT))
    poll.register(datagrams, selectors.EVENT_READ, True)
    while True:
        for key, _ in poll.select():
            if key.fileobj is listener:
                peer, _ = listener.accept()
                peer.sendall(greeting)
                poll.register(peer, selectors.EVENT_READ, False)
                continue
            if key.fileobj is datagrams:
                datagrams.sendto(greeting, datagrams.recvfrom(4096)[1])
                continue
            try:
                data = key.fileobj.recv(4096)
                if data:
                    key.fileobj.sendall(data)
                    continue
            except OSError:
                pass
            poll.unregister(key.fileobj)
            key.fileobj.close()


class Flow:
    def __init__(self, kind, source, address):
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(5)
        self.socket.bind((source, 0))
        self.socket.connect((address, PORT))
        if kind == socket.SOCK_STREAM:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket.send(b".")
        self.target = self.socket.recv(100).decode().strip()
        self.socket.setblocking(False)
        self.heard = time.monotonic()
        self.gap = 0.0
        self.reset = False

    def hear(self):
        try:
            alive = bool(self.socket.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            alive = False
        now = time.monotonic()
        if alive:
            self.gap = max(self.gap, now - self.heard)
            self.heard = now
        else:
            self.reset = True

    def say(self):
        try:
            self.socket.send(b".")
        except BlockingIOError:
            pass
        except OSError:
            self.reset = True


def measure(kind, seconds, count, address, sources):
    flows = [Flow(kind, source, address) for source in itertools.islice(itertools.cycle(sources), count)]
    print("connected", file=sys.stderr, flush=True)
    poll = selectors.DefaultSelector()
    for flow in flows:
        flow.heard = time.monotonic()
        poll.register(flow.socket, selectors.EVENT_READ, flow)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for flow in flows:
            if not flow.reset:
                flow.say()
        until = time.monotonic() + PAUSE
        while (left := until - time.monotonic()) > 0:
            for key, _ in poll.select(left):
                key.data.hear()
                if key.data.reset:
                    poll.unregister(key.fileobj)
    now = time.monotonic()
    reset = [flow for flow in flows if flow.reset]
    silent = [flow for flow in flows if not flow.reset and now - flow.heard > SILENCE]
    alive = [flow for flow in flows if flow not in reset and flow not in silent]
    names = sorted({flow.target for flow in flows})
    spread = ", ".join(f"{sum(f.target == name for f in flows)} to {name}" for name in names)
    gap = max((flow.gap for flow in alive), default=0)
    print(
        f"{spread}; {len(alive)} alive, {len(reset)} reset, {len(silent)} silent; "
        f"longest gap of the living {gap * 1000:.0f} ms"
    )


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kind = socket.SOCK_DGRAM if sys.argv[1] == "datagrams" else socket.SOCK_STREAM
        measure(kind, float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
