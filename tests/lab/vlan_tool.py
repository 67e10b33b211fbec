#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VLAN interface for the lab, where the kernel may have none.

  VLAN TAP TRUNK      makes the interface TAP; its frames go over TRUNK with the tag VLAN, and those of that VLAN come back
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
ETH_ALL, ETH_VLAN, HAS_VLAN = 0x0003, 0x8100, 0x10  # TP_STATUS_VLAN_VALID


def tap_open(name):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def trunk_open(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
    s.bind((name, ETH_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return s


def untagged(s, vlan):
    """=> a frame of the VLAN without its tag, or None. The kernel has taken the tag off already, or it has not."""
    frame, more, _, where = s.recvmsg(65536, 256)
    if where[2] == PACKET_OUTGOING:
        return None
    for level, kind, data in more:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, tag = struct.unpack_from("=I12xH", data)
            if status & HAS_VLAN:
                return frame if tag & 0xFFF == vlan else None
    if len(frame) < 18 or struct.unpack_from("!H", frame, 12)[0] != ETH_VLAN:
        return None
    return frame[:12] + frame[16:] if struct.unpack_from("!H", frame, 14)[0] & 0xFFF == vlan else None


def main():
    vlan, tap, trunk = int(sys.argv[1]), tap_open(sys.argv[2]), trunk_open(sys.argv[3])
    while True:
        ready, _, _ = select.select([tap, trunk], [], [])
        if tap in ready:
            frame = os.read(tap, 65536)
            trunk.send(frame[:12] + struct.pack("!HH", ETH_VLAN, vlan) + frame[12:])
        if trunk in ready:
            frame = untagged(trunk, vlan)
            if frame is not None:
                os.write(tap, frame)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, OSError) as e:
        sys.exit(str(e))
