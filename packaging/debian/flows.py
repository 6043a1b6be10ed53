#!/usr/bin/env python3
"""Connections that talk all the time, for packaging/debian/test.sh.

    flows.py serve NAME ADDRESS...       greet with NAME, then send everything back
    flows.py measure SECONDS N ADDRESS   hold N connections from 10.9.0.200 and on for so long, and say what they
                                         went through

Each connection sends a byte every 20 ms. One line comes out of `measure`:

    10 to t1, 10 to t2; 20 alive, 0 reset, 0 silent; longest gap of the living 1234 ms
"""

import selectors
import socket
import sys
import time

PORT = 80
PAUSE = 0.02
# Without an answer for so long at the end, a connection is dead, whatever TCP hopes for.
SILENCE = 2.0


def serve(name, addresses):
    poll = selectors.DefaultSelector()
    for address in addresses:
        listener = socket.create_server((address, PORT), backlog=128)
        poll.register(listener, selectors.EVENT_READ, True)
    while True:
        for key, _ in poll.select():
            if key.data:
                peer, _ = key.fileobj.accept()
                peer.sendall(name.encode() + b"\n")
                poll.register(peer, selectors.EVENT_READ, False)
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
    def __init__(self, source, address):
        self.socket = socket.create_connection((address, PORT), timeout=5, source_address=(source, 0))
        self.target = self.socket.makefile().readline().strip()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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


def measure(seconds, count, address):
    flows = [Flow(f"10.9.0.{200 + n}", address) for n in range(count)]
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
        serve(sys.argv[2], sys.argv[3:])
    else:
        measure(float(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
