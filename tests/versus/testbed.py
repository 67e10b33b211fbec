# SPDX-License-Identifier: Apache-2.0
"""Three namespaces, two veth pairs, a generator and the routers: what tests/versus/run compares with.

    mr-vgen  g0 ──── in  mr-vbox  out ──── s0  mr-vsink
    testpmd,             the router            packets are
    core 0               core 1                dropped, core 0

Ends that receive do so in a kernel thread of their own (NAPI) on the core of their namespace: so what the generator
pays for a packet does not depend on who routes it, and what finds the router busy is lost where a NIC would lose it.
On AF_XDP the worker itself polls the interface (preferred busy polling).
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

GEN, BOX, SINK = 'mr-vgen', 'mr-vbox', 'mr-vsink'
GEN_CORE, BOX_CORE = 0, 1
MAC = {'g0': '02:00:00:00:01:01', 'in': '02:00:00:00:01:02', 'out': '02:00:00:00:01:03', 's0': '02:00:00:00:01:04'}
MODERATION_NS = 50000  # how long an interface gathers packets, as an Ethernet card's interrupts do
ROOM = 1 << 21  # flows either may hold
SHARED_IDLE_US = 20  # on AF_PACKET the worker shares its core with the NAPI thread that fills its ring
SUBSCRIBERS, BLOCK, POOL = '100.64.0.0/10', 128, '203.0.113.0/26'
LIMITS = {  # of the whole machine; put back at the end
    '/proc/sys/net/netfilter/nf_conntrack_max': ROOM,
    '/sys/module/nf_conntrack/parameters/hashsize': ROOM,
}
MASQUERADE = '''
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "out" masquerade
	}
}
'''
# What millrace has read from its packet socket is not for the kernel's IP, too.
UNHEARD = '''
table netdev box {
	chain arrivals {
		type filter hook ingress devices = { "in", "out" } priority -500;
		drop
	}
}
'''
DROP_ALL = '''
table netdev sink {
	chain arrivals {
		type filter hook ingress device "s0" priority -500;
		drop
	}
}
'''


class Failed(Exception):
    """Something did not come up; the text says what."""


def sh(*command, text=None):
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f'{" ".join(command)}: {(done.stderr or done.stdout).strip()}')
    return done.stdout


def inside(ns, *command, text=None):
    return sh('ip', 'netns', 'exec', ns, *command, text=text)


def put(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(value))


def wait_for(what, test, process=None, seconds=20):
    """=> What test() says once it is true. process is whose last words explain a failure."""
    for _ in range(seconds * 20):
        result = test()
        if result:
            return result
        time.sleep(0.05)
    raise Failed(f'{what}: not within {seconds} s' + (process.last_words() if process else ''))


def threads_of(pid):
    return [int(t) for t in os.listdir(f'/proc/{pid}/task')]


def cpu_ns(tasks):
    """Processor time that these threads have had, in ns."""
    total = 0
    for t in tasks:
        with open(f'/proc/{t}/schedstat', encoding='ascii') as f:
            total += int(f.read().split()[0])
    return total


class Process:
    """A program in a namespace; its output goes to a file."""

    def __init__(self, ns, log, nice, *command, hold_stdin=False):
        self.log = log
        with open(log, 'wb') as out:
            self.process = subprocess.Popen(
                ['ip', 'netns', 'exec', ns, 'nice', '-n', str(nice), *command], stdout=out, stderr=out,
                stdin=subprocess.PIPE if hold_stdin else subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid
        group = f'/proc/{self.pid}/autogroup'  # a session's share of a core, beside kernel threads
        if os.path.exists(group):
            put(group, nice)

    def alive(self):
        return self.process.poll() is None

    def said(self, text):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return text in f.read()

    def tell(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def last_words(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return '; its log ends:\n' + f.read()[-1500:]

    def end(self):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Testbed:
    """Namespaces and counters. Everything is gone after close()."""

    def __init__(self, nice):
        self.nice = nice
        self.dir = tempfile.mkdtemp(prefix='millrace-versus-')
        self.before = {}
        self.anchors = {}
        for path, value in LIMITS.items():
            with open(path, encoding='ascii') as f:
                self.before[path] = f.read().strip()
            put(path, value)

    def up(self, direct=False):
        """Anew: with the router between, or the generator straight to the sink."""
        self.down()
        for ns in (GEN, BOX, SINK):
            sh('ip', 'netns', 'add', ns)
            inside(ns, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
            self.anchors[ns] = Process(ns, '/dev/null', 0, 'sleep', 'infinity')
        if direct:
            self.wire(GEN, 'g0', SINK, 's0')
        else:
            self.wire(GEN, 'g0', BOX, 'in')
            self.wire(BOX, 'out', SINK, 's0')
        inside(SINK, 'nft', '-f', '-', text=DROP_ALL)
        self.thread(SINK, 's0', GEN_CORE)

    def wire(self, ns_a, a, ns_b, b):
        sh('ip', '-n', ns_a, 'link', 'add', a, 'address', MAC[a], 'type', 'veth',
           'peer', 'name', b, 'address', MAC[b], 'netns', ns_b)
        for ns, i in ((ns_a, a), (ns_b, b)):
            inside(ns, 'ethtool', '-K', i, 'tx', 'off', 'sg', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off')
            sh('ip', '-n', ns, 'link', 'set', i, 'up')

    def thread(self, ns, i, core):
        """Let this interface receive in a kernel thread on this core. => The thread's number."""
        inside(ns, 'ethtool', '-K', i, 'gro', 'on')  # veth has NAPI then
        inside(ns, 'sh', '-c', f'cd /sys/class/net/{i}; echo 100 >napi_defer_hard_irqs; '
               f'echo {MODERATION_NS} >gro_flush_timeout; echo 1 >threaded')
        found = wait_for(f'the NAPI thread of {i}', lambda: self.napi_threads(i))
        for t in found:
            os.sched_setaffinity(t, {core})
            os.setpriority(os.PRIO_PROCESS, t, self.nice)
        return found

    @staticmethod
    def napi_threads(i):
        found = []
        for p in os.listdir('/proc'):
            try:
                if p.isdigit() and re.match(rf'napi/{i}-', open(f'/proc/{p}/comm', encoding='ascii').read()):
                    found.append(int(p))
            except OSError:
                pass
        return found

    def counters(self, ns, i):
        """(received, lost at arrival, sent, lost at sending) of an interface."""
        with open(f'/proc/{self.anchors[ns].pid}/net/dev', encoding='ascii') as f:
            for line in f:
                name, _, rest = line.partition(':')
                if name.strip() == i:
                    v = [int(x) for x in rest.split()]
                    return v[1], v[3], v[9], v[11]
        raise Failed(f'no interface {i} in {ns}')

    def arrived(self):
        return self.counters(SINK, 's0')[0]

    def offered(self):
        c = self.counters(GEN, 'g0')
        return c[2] + c[3]

    def down(self):
        for a in self.anchors.values():
            a.end()
        self.anchors = {}
        for ns in (GEN, BOX, SINK):
            if os.path.exists(f'/run/netns/{ns}'):
                for pid in sh('ip', 'netns', 'pids', ns).split():
                    os.kill(int(pid), 9)
                sh('ip', 'netns', 'del', ns)

    def close(self):
        self.down()
        for path, value in self.before.items():
            put(path, value)
        shutil.rmtree(self.dir, ignore_errors=True)


def device(driver, n, i):
    """What DPDK is told of an interface."""
    if driver == 'af_xdp':
        return f'net_af_xdp{n},iface={i},start_queue=0,queue_count=1'
    return f'net_af_packet{n},iface={i},framesz=2048,framecnt=4096,blocksz=4096'


def interfaces_for(bed, driver):
    """Ready the router's interfaces for a DPDK driver. => The kernel's threads that work for it."""
    if driver == 'af_xdp':  # the worker polls the interface itself (preferred busy polling)
        for i in ('in', 'out'):
            inside(BOX, 'sh', '-c', f'cd /sys/class/net/{i}; echo 2 >napi_defer_hard_irqs; '
                   'echo 200000 >gro_flush_timeout')
        return []
    inside(BOX, 'nft', '-f', '-', text=UNHEARD)
    return bed.thread(BOX, 'in', BOX_CORE) + bed.thread(BOX, 'out', BOX_CORE)


class Generator:
    """dpdk-testpmd: plays a capture into g0, for ever or once."""

    def __init__(self, bed, capture, packets, endless):
        frames = 'framesz=256,framecnt=1024,blocksz=4096'
        self.process = Process(
            GEN, f'{bed.dir}/testpmd.log', bed.nice, 'dpdk-testpmd', '--lcores', f'0@{GEN_CORE},1@{GEN_CORE}',
            '--file-prefix', 'mr-versus', '--no-huge', '-m', str(256 + packets * 640 // 1000000), '--no-pci',
            '--no-telemetry', '--vdev', f'net_pcap0,rx_pcap={capture}' + (',infinite_rx=1' if endless else ''),
            '--vdev', f'net_af_packet0,iface=g0,{frames}', '--', '--interactive', '--no-flush-rx', '--nb-cores=1',
            '--mbuf-size=384', f'--total-num-mbufs={packets + 16384}', '--no-lsc-interrupt', hold_stdin=True)
        wait_for('testpmd', lambda: self.process.said('testpmd>'), self.process)
        self.process.tell('set fwd io retry\nset burst tx delay 1 retry 1000\nstart\n')

    def end(self):
        self.process.end()


class Kernel:
    """Linux: masquerade by nftables, or plain forwarding to compare with."""

    def __init__(self, bed, masquerade=True):
        self.bed, self.masquerade = bed, masquerade

    def up(self):
        sh('ip', '-n', BOX, 'address', 'add', '100.64.0.1/10', 'dev', 'in')
        sh('ip', '-n', BOX, 'address', 'add', '198.51.100.2/24', 'dev', 'out')
        sh('ip', '-n', BOX, 'neigh', 'add', '198.51.100.1', 'dev', 'out', 'lladdr', MAC['s0'])
        sh('ip', '-n', BOX, 'route', 'add', 'default', 'via', '198.51.100.1')
        inside(BOX, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.netfilter.nf_conntrack_udp_timeout=300')
        if self.masquerade:
            inside(BOX, 'nft', '-f', '-', text=MASQUERADE)
        self.tasks = self.bed.thread(BOX, 'in', BOX_CORE) + self.bed.thread(BOX, 'out', BOX_CORE)

    def flows(self):
        return int(inside(BOX, 'sysctl', '-n', 'net.netfilter.nf_conntrack_count'))

    def notes(self):
        stat = inside(BOX, 'cat', '/proc/net/stat/nf_conntrack').splitlines()
        sums = {}
        for row in stat[1:]:
            for name, value in zip(stat[0].split(), row.split()):
                sums[name] = sums.get(name, 0) + int(value, 16)
        return {k: sums[k] for k in ('insert_failed', 'drop', 'early_drop') if sums.get(k)}

    def down(self):
        pass


class Driver:
    """dpdk-testpmd in the router's place, which only exchanges MAC addresses: what the driver takes by itself."""

    def __init__(self, bed, driver):
        self.bed, self.driver = bed, driver

    def up(self):
        self.tasks = interfaces_for(self.bed, self.driver)
        self.process = Process(
            BOX, f'{self.bed.dir}/driver.log', self.bed.nice, 'dpdk-testpmd', '--lcores',
            f'0@{GEN_CORE},1@{BOX_CORE}', '--file-prefix', 'mr-versus-box', '--no-huge', '-m', '256', '--no-pci',
            '--no-telemetry', '--vdev', device(self.driver, 0, 'in'), '--vdev', device(self.driver, 1, 'out'), '--',
            '--interactive', '--forward-mode=mac', '--nb-cores=1', f'--eth-peer=0,{MAC["g0"]}',
            f'--eth-peer=1,{MAC["s0"]}',
            '--total-num-mbufs=32768', '--no-lsc-interrupt', hold_stdin=True)
        wait_for('testpmd', lambda: self.process.said('testpmd>'), self.process)
        self.process.tell('start\n')
        self.tasks += threads_of(self.process.pid)

    def flows(self):
        return 0

    def notes(self):
        return {}

    def down(self):
        self.process.end()


class Millrace:
    """millrace and millraced from the build directory, on AF_PACKET or AF_XDP."""

    def __init__(self, bed, build, driver):
        self.bed, self.build, self.driver = bed, build, driver

    def config(self):
        return {
            'workers': {'count': 1, 'main_core': GEN_CORE, 'cores': [BOX_CORE], 'buffers': 32768,
                        'idle_us': 0 if self.driver == 'af_xdp' else SHARED_IDLE_US,
                        'flows': {'ipv4': ROOM, 'ipv6': 64}},
            'nics': [
                {'name': 'inside', 'device': device(self.driver, 0, 'in'), 'addresses': ['100.64.0.1/10']},
                {'name': 'outside', 'device': device(self.driver, 1, 'out'), 'addresses': ['198.51.100.2/24']}],
            'routes': [{'prefix': '0.0.0.0/0', 'via': '198.51.100.1'}],
            'neighbours': [{'address': '198.51.100.1', 'nic': 'outside', 'mac': MAC['s0']}],
            'nat': {
                'pools': [{'name': 'public', 'addresses': [POOL], 'block_size': BLOCK, 'max_blocks': 1}],
                'rules': [{'name': 'homes', 'nic': 'inside', 'source': SUBSCRIBERS, 'pool': 'public'}],
                'log': 'none',
                'capacity': {'mappings': ROOM, 'subscribers': 65536, 'pool_addresses': 64}}}

    def up(self):
        d = self.bed.dir
        self.tasks = interfaces_for(self.bed, self.driver)
        with open(f'{d}/config.json', 'w', encoding='ascii') as f:
            json.dump(self.config(), f)
        self.plane = Process(BOX, f'{d}/millrace.log', self.bed.nice, f'{self.build}/ctl/dataplane/millrace',
                             '--socket', f'{d}/plane.sock')
        wait_for('the socket of millrace', lambda: os.path.exists(f'{d}/plane.sock'))
        self.daemon = Process(
            BOX, f'{d}/millraced.log', 0, f'{self.build}/ctl/daemon/millraced', '--plane', f'{d}/plane.sock', '--control',
            f'{d}/control.sock', '--store', f'{d}/store.json', '--log', f'{d}/nat.log', '--config', f'{d}/config.json')
        wait_for('millrace', self.ready, self.plane)
        self.tasks += threads_of(self.plane.pid)

    def ctl(self, *command):
        return json.loads(sh(f'{self.build}/ctl/client/millctl', '--socket', f'{self.bed.dir}/control.sock', '--json',
                             *command))

    def ready(self):
        if not self.plane.alive():
            raise Failed('millrace ended')
        try:
            return self.ctl('generation').get('running', 0) > 0
        except (Failed, ValueError):
            return False

    def flows(self):
        return self.ctl('stats')['totals']['flows']

    def notes(self):
        s = self.ctl('stats')
        return {'drops': {x['reason']: x['packets'] for x in s['drops']}, 'difference': s['identity']['difference']}

    def down(self):
        self.daemon.end()
        self.plane.end()
        for f in os.listdir(self.bed.dir):
            if not f.endswith('.pcap') and not f.endswith('testpmd.log'):
                os.remove(f'{self.bed.dir}/{f}')
