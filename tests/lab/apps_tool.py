#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Applications that care about address translation, as small as they can be, for the lab.

  stun-server PORT               answer STUN binding requests (RFC 8489), and SIP requests by received and rport (RFC 3581)
  stun PORT HOST HPORT           from local PORT ask which address is seen; print it
  call PORT HOST HPORT OWN OTHER as `stun`; write what was learnt to file OWN, read the other party's from OTHER, send it 50 datagrams
                                 of media and print "heard N from ADDRESS PORT"
  sip PORT HOST HPORT            send OPTIONS behind an address that is wrong outside; print the Via's received and rport
  ftp-server PORT                one user, one file, passive and active
  ftp HOST PORT passive|active   fetch it; print how many octets came, or "no data"
"""
import ftplib
import os
import re
import socket
import struct
import sys
import threading
import time

COOKIE = 0x2112A442
FILE = bytes(range(256)) * 4000


def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    s.settimeout(1)
    return s


def ask(s, request, to):
    for _ in range(20):
        s.sendto(request, to)
        try:
            return s.recvfrom(2048)[0]
        except socket.timeout:
            continue
    sys.exit("no answer")


def stun_answer(request, who):
    address = struct.unpack("!I", socket.inet_aton(who[0]))[0]
    value = struct.pack("!xBHI", 1, who[1] ^ COOKIE >> 16, address ^ COOKIE)
    return struct.pack("!HHI", 0x0101, 12, COOKIE) + request[8:20] + struct.pack("!HH", 0x0020, 8) + value


def sip_answer(request, who):
    via = re.search(r"Via: (\S+ \S+);branch=(\S+);rport\r\n", request.decode())
    return f"SIP/2.0 200 OK\r\nVia: {via[1]};branch={via[2]};received={who[0]};rport={who[1]}\r\n\r\n".encode()


def stun_server(port):
    s = udp(port)
    s.settimeout(None)
    while True:
        data, who = s.recvfrom(2048)
        is_stun = len(data) >= 20 and struct.unpack("!HHI", data[:8])[::2] == (1, COOKIE)
        s.sendto(stun_answer(data, who) if is_stun else sip_answer(data, who), who)


def stun(s, to):
    transaction = os.urandom(12)
    answer = ask(s, struct.pack("!HHI", 1, 0, COOKIE) + transaction, to)
    kind, _, cookie = struct.unpack("!HHI", answer[:8])
    if (kind, cookie, answer[8:20]) != (0x0101, COOKIE, transaction):
        sys.exit("not the answer to this request")
    port, address = struct.unpack("!HI", answer[26:32])
    return socket.inet_ntoa(struct.pack("!I", address ^ COOKIE)), port ^ COOKIE >> 16


def call(port, to, own, other):
    s = udp(port)
    seen = stun(s, to)
    with open(own + ".new", "w", encoding="ascii") as f:
        f.write("%s %d" % seen)
    os.rename(own + ".new", own)
    for _ in range(300):
        if os.path.exists(other):
            break
        time.sleep(0.1)
    with open(other, encoding="ascii") as f:
        address, there = f.read().split()
    heard, sent, who = 0, 0, None
    s.settimeout(0.02)
    end = time.time() + 20
    while time.time() < end and (sent < 50 or heard < 50):
        if sent < 50:
            s.sendto(b"media %d" % sent, (address, int(there)))
            sent += 1
        try:
            data, who = s.recvfrom(2048)
            heard += data.startswith(b"media")
        except socket.timeout:
            continue
    print("heard", heard, "from", *(who or ("nobody", 0)))


def sip(s, to):
    branch = "z9hG4bK" + os.urandom(4).hex()
    request = f"OPTIONS sip:lab SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.2:5060;branch={branch};rport\r\n\r\n"
    answer = ask(s, request.encode(), to).decode()
    return re.search(rf"branch={branch};received=(\S+);rport=(\d+)", answer)


def ftp_session(c):
    control, out, data_to = c.makefile("r"), c.makefile("w"), None

    def say(text):
        out.write(text + "\r\n")
        out.flush()
    say("220 lab")
    for line in control:
        verb, _, rest = line.strip().partition(" ")
        if verb in ("EPSV", "PASV"):
            listener = socket.create_server((c.getsockname()[0], 0))
            port = listener.getsockname()[1]
            octets = c.getsockname()[0].replace(".", ",") + f",{port >> 8},{port & 255}"
            say(f"229 passive (|||{port}|)" if verb == "EPSV" else f"227 passive ({octets})")
            data_to = listener
        elif verb == "PORT":
            n = rest.split(",")
            data_to = (".".join(n[:4]), int(n[4]) << 8 | int(n[5]))
            say("200 active")
        elif verb == "RETR":
            try:
                d = data_to.accept()[0] if isinstance(data_to, socket.socket) else socket.create_connection(data_to, 1)
            except OSError:
                say("425 cannot connect")
                continue
            say("150 here it is")
            d.sendall(FILE)
            d.close()
            say("226 done")
        else:
            say({"USER": "331 password", "PASS": "230 welcome", "QUIT": "221 bye"}.get(verb, "200 as you like"))


def ftp_server(port):
    with socket.create_server(("0.0.0.0", port)) as s:
        while True:
            threading.Thread(target=ftp_session, args=(s.accept()[0],), daemon=True).start()


def ftp(host, port, mode):
    f = ftplib.FTP()
    f.connect(host, port, timeout=20)
    f.login("lab", "lab")
    f.set_pasv(mode == "passive")
    got = []
    try:
        f.retrbinary("RETR file", got.append)
    except (ftplib.error_temp, OSError):
        return "no data"
    return len(b"".join(got)) if b"".join(got) == FILE else "other octets"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "ftp":
        print(ftp(rest[0], int(rest[1]), rest[2]))
    elif verb == "ftp-server":
        ftp_server(int(rest[0]))
    elif verb == "stun-server":
        stun_server(int(rest[0]))
    elif verb == "call":
        call(int(rest[0]), (rest[1], int(rest[2])), rest[3], rest[4])
    elif verb == "stun":
        print(*stun(udp(int(rest[0])), (rest[1], int(rest[2]))))
    else:
        print(*sip(udp(int(rest[0])), (rest[1], int(rest[2]))).groups())


if __name__ == "__main__":
    main()
