#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collects IPFIX messages into a capture, and shows what a dissector makes of them.

    ipfix_tool.py collect udp|tcp|slow|tls PORT CAPTURE [CERTIFICATE KEY]   until SIGTERM, and then what is under way;
                                      slow: TCP, 400 kB/s at most, and what it has not read is soon the sender's to keep
                                      The capture is there when it listens.
    ipfix_tool.py show CAPTURE        a line a data record, as tshark decodes it: "domain sequence name=value ..."
"""
import json
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

SLOW_BYTES, SLOW_S = 2048, 0.005
SILENT_S = 0.2  # nothing is under way any more
ended = []      # SIGTERM has come


def checksum(data):
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    s = (s & 0xffff) + (s >> 16)
    return ~(s + (s >> 16)) & 0xffff


def frame(message):
    """The message as a datagram to port 4739, whatever it came by."""
    udp = struct.pack("!HHHH", 40000, 4739, 8 + len(message), 0) + message
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes(12) + b"\x08\0" + ip + udp


class Capture:
    def __init__(self, name):
        self.f = open(name, "wb")
        self.f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        self.f.flush()

    def add(self, message):
        data = frame(message)
        self.f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)
        self.f.flush()


def comes(s):
    """Wait for something to read. => False: none will come, since the end was asked for."""
    while not (isinstance(s, ssl.SSLSocket) and s.pending()) and not select.select([s], [], [], SILENT_S)[0]:
        if ended:
            return False
    return True


def collect_stream(conn, capture, is_slow):
    data = b""
    while comes(conn):
        more = conn.recv(SLOW_BYTES if is_slow else 65536)
        time.sleep(SLOW_S if is_slow else 0)
        if not more:
            return
        data += more
        while len(data) >= 4 and len(data) >= struct.unpack("!H", data[2:4])[0]:
            size = struct.unpack("!H", data[2:4])[0]
            capture.add(data[:size])
            data = data[size:]


def collect(transport, port, name, certificate=None, key=None):
    if transport == "udp":
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind(("127.0.0.1", port))
        capture = Capture(name)
        while comes(s):
            capture.add(s.recv(65536))
        return
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if transport == "slow":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BYTES)
    s.bind(("127.0.0.1", port))
    s.listen()
    context = None
    if transport == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    capture = Capture(name)
    while comes(s):
        conn, _ = s.accept()
        if context is not None:
            conn = context.wrap_socket(conn, server_side=True)
        collect_stream(conn, capture, transport == "slow")


def pairs(items):
    """JSON objects of tshark have the same key many times: keep them all, in order."""
    return items


def records(tree, into):
    for key, value in tree:
        if key.startswith("Flow ") and isinstance(value, list):
            into.append([(k, v) for k, v in value if isinstance(v, str)])
        elif isinstance(value, list):
            records([v for v in value if isinstance(v, tuple)], into)


def first(tree, name):
    for key, value in tree:
        if key == name:
            return value
        if isinstance(value, list):
            found = first([v for v in value if isinstance(v, tuple)], name)
            if found is not None:
                return found
    return None


def show(name):
    out = subprocess.run(["tshark", "-r", name, "-d", "udp.port==4739,cflow", "-T", "json"], capture_output=True,
                         text=True, check=True).stdout
    for packet in json.loads(out, object_pairs_hook=pairs):
        cflow = first(packet, "cflow")
        found = []
        records(cflow, found)
        for r in found:
            print(first(cflow, "cflow.od_id"), first(cflow, "cflow.sequence"),
                  " ".join(f"{k.removeprefix('cflow.')}={v}" for k, v in r))


if __name__ == "__main__":
    if sys.argv[1] == "collect":
        signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
        collect(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    else:
        show(sys.argv[2])
