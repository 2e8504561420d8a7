// Host ports: the rules as text, who may have which port, and traffic through real rules in real namespaces.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLogger } from '@kube-labs/apiserver';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { HostCommand } from '#src/host-command.ts';
import { BridgeNetwork } from '#src/network/bridge.ts';
import { HostPorts, hostPortScript, type OpenPorts } from '#src/network/host-ports.ts';
import { isListenedOn } from '#src/network/listening-ports.ts';
import { portsClash } from '#src/network/port-mappings.ts';
import type { PortMapping } from '#src/runtime/runtime.ts';
import { kubectl } from './kubectl.ts';
import { FOREVER, IMAGE, Lab, script } from './lab.ts';
import { Namespace } from './namespace.ts';

const tcp = (hostPort: number, containerPort: number, hostIp?: string): PortMapping => ({
  ...{ hostPort, containerPort, protocol: 'TCP' },
  ...(hostIp === undefined ? {} : { hostIp }),
});

function ports(name: string, portMappings: readonly PortMapping[], ip = '10.9.8.2'): OpenPorts {
  return {
    sandboxId: `s-${name}`,
    pod: { uid: name, name, namespace: 'default' },
    ip,
    portMappings,
  };
}

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubelet-ports-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('portsClash()', () => {
  test.each<[string, PortMapping, PortMapping, boolean]>([
    ['the same port', tcp(80, 1), tcp(80, 2), true],
    ['another port', tcp(80, 1), tcp(81, 1), false],
    ['another protocol', tcp(53, 53), { ...tcp(53, 53), protocol: 'UDP' }, false],
    ['one address and every address', tcp(80, 1, '127.0.0.1'), tcp(80, 1), true],
    ['two addresses', tcp(80, 1, '127.0.0.1'), tcp(80, 1, '192.0.2.1'), false],
    ['one address twice', tcp(80, 1, '127.0.0.1'), tcp(80, 2, '127.0.0.1'), true],
  ])('%s', (_, a, b, want) => {
    expect([portsClash(a, b), portsClash(b, a)]).toEqual([want, want]);
  });
});

describe('isListenedOn()', () => {
  // 127.0.0.1:8080, 0.0.0.0:22, [::]:443, [::1]:631
  const lines = [
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1',
    '   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2',
    '   2: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0',
    '  13: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0',
  ].join('\n');
  test.each<[PortMapping, boolean]>([
    [tcp(8080, 1), true],
    [tcp(8080, 1, '127.0.0.1'), true],
    [tcp(8080, 1, '127.0.0.2'), false],
    [tcp(22, 1, '192.0.2.1'), true],
    [tcp(443, 1, '192.0.2.1'), true],
    [tcp(631, 1), true],
    [tcp(631, 1, '127.0.0.1'), false],
    [tcp(8081, 1), false],
  ])('%j: %s', (mapping, want) => {
    expect(isListenedOn(lines, mapping)).toBe(want);
  });
});

describe('hostPortScript()', () => {
  test('is one table, in place of the one before; nothing but its removal when no port is open', () => {
    expect(hostPortScript('kbl', '10.9.8.0/24', [])).toBe(
      'add table ip hostports-kbl\ndelete table ip hostports-kbl\n',
    );
  });

  test('has a rule for each port, with its address where it has one', () => {
    const sctp: PortMapping = { hostPort: 9, containerPort: 99, protocol: 'SCTP' };
    const script = hostPortScript('kbl', '10.9.8.0/24', [
      ports('web', [tcp(8080, 80), tcp(8443, 443, '127.0.0.1'), sctp]),
    ]);
    expect(script).toContain('    tcp dport 8080 dnat to 10.9.8.2:80 comment "default/web";\n');
    expect(script).toContain('    ip daddr 127.0.0.1 tcp dport 8443 dnat to 10.9.8.2:443 comment');
    expect(script).toContain('    sctp dport 9 dnat to 10.9.8.2:99 comment');
    expect(script).toContain(
      '    ip daddr 10.9.8.2 sctp dport 99 ct original proto-dst 9 masquerade;',
    );
  });

  test('leads to the newest sandbox of a pod', () => {
    const before = ports('web', [tcp(80, 80)]);
    const script = hostPortScript('kbl', '10.9.8.0/24', [
      before,
      { ...before, sandboxId: 'next', ip: '10.9.8.7' },
    ]);
    expect(script).toContain('dnat to 10.9.8.7:80');
    expect(script).not.toContain('10.9.8.2');
  });
});

describe('HostPorts', () => {
  /** Keeps what nft was told last. */
  async function hostPorts(fails = false) {
    const said: string[] = [];
    const nft = { fails };
    const run: HostCommand = async (command, _, { input = '' } = {}) => {
      if (command !== 'nft') return '';
      if (nft.fails) throw new Error('nft: not found');
      said.push(input);
      return '';
    };
    const options = { bridge: 'kbl', directory: await directory(), run, log: silentLogger };
    const make = async () => {
      const made = new HostPorts(options);
      await made.restore('10.9.8.0/24');
      return made;
    };
    return { open: await make(), make, nft, last: () => said.at(-1) ?? '', ...options };
  }

  test('refuses a port that another pod has, and gives it when that is closed', async () => {
    const { open } = await hostPorts();
    await open.open(ports('web', [tcp(8080, 80)]));
    const wanted = ports('other', [tcp(80, 80), tcp(8080, 81)]);
    await expect(open.open(wanted)).rejects.toThrow(
      'Cannot open port 8080/TCP of the node for pod default/other: pod default/web has it',
    );
    await open.close('s-web');
    await open.open(wanted);
  });

  test('two that start together do not both get one', async () => {
    const { open } = await hostPorts();
    const results = await Promise.allSettled(
      ['a', 'b'].map((name) => open.open(ports(name, [tcp(8080, 80)]))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('an address that is not of IPv4 is refused, before nft refuses all that is open', async () => {
    const { open, last } = await hostPorts();
    await open.open(ports('web', [tcp(8080, 80)]));
    await expect(open.open(ports('other', [tcp(81, 80, '::1')]))).rejects.toThrow(
      'Cannot open port 81/TCP of the node for pod default/other: pods have IPv4 only, got ::1',
    );
    await open.refresh();
    expect(last()).toContain('8080');
    expect(last()).not.toContain('::1');
  });

  test('a pod’s next sandbox takes the ports over', async () => {
    const { open, last } = await hostPorts();
    const web = ports('web', [tcp(8080, 80)]);
    await open.open(web);
    await open.open({ ...web, sandboxId: 'next', ip: '10.9.8.7' });
    await open.close(web.sandboxId);
    expect(last()).toContain('dnat to 10.9.8.7:80');
  });

  test('the next kubelet has the same table; what a kill has torn is no port', async () => {
    const { open, make, last, directory: path } = await hostPorts();
    await open.open(ports('web', [tcp(8080, 80)]));
    await writeFile(join(path, 's-torn'), '{"sandboxId": "s-torn", "po');
    await writeFile(join(path, '.new-s-x-1'), JSON.stringify(ports('x', [tcp(1, 1)])));
    const before = last();
    const next = await make();
    expect(last()).toBe(before);
    expect(await readdir(path)).toEqual(['s-web']);
    await next.close('s-web');
    expect(last()).not.toContain('table ip hostports-kbl {');
    expect(await readdir(path)).toEqual([]);
  });

  test('where 127.0.0.1 cannot be let pass, the ports are open all the same', async () => {
    const warned: unknown[] = [];
    const log = { ...silentLogger, warn: (...what: unknown[]) => warned.push(what) };
    let script = '';
    const run: HostCommand = async (command, args, { input = '' } = {}) => {
      if (command === 'nft') script = input;
      else if (args.includes('kbl')) throw new Error('Read-only file system');
      return '';
    };
    const open = new HostPorts({ bridge: 'kbl', directory: await directory(), run, log });
    await open.restore('10.9.8.0/24');
    await open.open(ports('web', [tcp(8080, 80)]));
    expect(script).toContain('dnat to 10.9.8.2:80');
    expect(JSON.stringify(warned)).toContain('Host ports cannot be reached at 127.0.0.1');
  });

  test('without nft no port is open and each says so, but a sandbox can go, and the table follows later', async () => {
    const { open, nft, last } = await hostPorts(true);
    await expect(open.open(ports('web', [tcp(8080, 80)]))).rejects.toThrow('nft: not found');
    nft.fails = false;
    await open.refresh();
    expect(last()).toContain('8080');
    nft.fails = true;
    await open.close('s-web');
    nft.fails = false;
    await open.refresh();
    expect(last()).not.toContain('8080');
  });
});

/** A node 192.0.2.1 with two pods, 10.244.1.2 and .3, and somebody outside, 192.0.2.2. */
describe('on a node', () => {
  const namespaces: Namespace[] = [];
  let root: string;
  let machine: Namespace;
  let outside: Namespace;
  let pods: readonly [Namespace, Namespace];
  let network: BridgeNetwork;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'kubelet-ports-'));
    const make = async () => {
      const made = await Namespace.make();
      namespaces.push(made);
      return made;
    };
    [machine, outside] = [await make(), await make()];
    pods = [await make(), await make()];
    await machine.connect(outside, 'eth0', '192.0.2.1/24', '192.0.2.2/24');
    network = await start();
    await network.setUp({
      ...sandbox('web', pods[0]),
      portMappings: [
        tcp(8080, 80),
        { ...tcp(8080, 80), protocol: 'UDP' },
        tcp(8081, 80, '127.0.0.1'),
        { hostPort: 9, containerPort: 9, protocol: 'SCTP' },
      ],
    });
    await network.setUp(sandbox('other', pods[1]));
    await pods[0].serve('web', 80);
  });
  afterAll(async () => {
    for (const one of namespaces) await one[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  async function start(): Promise<BridgeNetwork> {
    const { run } = machine;
    const made = new BridgeNetwork({ name: 'cbr0', stateDirectory: root, run, log: silentLogger });
    await made.configure('10.244.1.0/24');
    return made;
  }

  function sandbox(name: string, { pid, netns }: Namespace) {
    const pod = { uid: name, name, namespace: 'default' };
    return { sandboxId: name, pid, netns, pod, portMappings: [] as PortMapping[] };
  }

  const rules = async () => machine.run('nft', ['list', 'ruleset']);

  test.concurrent.each<[string, () => Promise<string>, string]>([
    [
      'from outside, which keeps its address',
      () => outside.ask('192.0.2.1', 8080),
      'web 192.0.2.2',
    ],
    ['from outside by UDP', () => outside.ask('192.0.2.1', 8080, 'udp'), 'web 192.0.2.2'],
    [
      'from outside not where it is for the node only',
      () => outside.ask('192.0.2.1', 8081),
      'ECONNREFUSED',
    ],
    ['from the node by its address', () => machine.ask('192.0.2.1', 8080), 'web 192.0.2.1'],
    ['from the node by 127.0.0.1', () => machine.ask('127.0.0.1', 8081), 'web 10.244.1.1'],
    [
      'from the node by 127.0.0.1 with UDP',
      () => machine.ask('127.0.0.1', 8080, 'udp'),
      'web 10.244.1.1',
    ],
    ['from another pod of the node', () => pods[1].ask('192.0.2.1', 8080), 'web 10.244.1.1'],
    ['from the pod itself', () => pods[0].ask('192.0.2.1', 8080), 'web 10.244.1.1'],
    ['by UDP from the pod itself', () => pods[0].ask('192.0.2.1', 8080, 'udp'), 'web 10.244.1.1'],
    ['straight to the pod, untouched', () => pods[1].ask('10.244.1.2', 80), 'web 10.244.1.3'],
  ])('%s', async (_, ask, want) => {
    expect(await ask()).toBe(want);
  });

  test('what listens on the node’s 127.0.0.1 stays out of the pods’ reach', async () => {
    const attacker = await Namespace.make();
    onTestFinished(() => attacker[Symbol.asyncDispose]());
    await machine.serve('secret', 7777, '127.0.0.2');
    expect(await machine.ask('127.0.0.2', 7777)).toBe('secret 127.0.0.1');
    await network.setUp(sandbox('attacker', attacker));
    const turn = [
      'ip link set lo down',
      'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet',
      'ip route add 127.0.0.2 via 10.244.1.1 src 10.244.1.4',
    ];
    await attacker.run('sh', ['-ec', turn.join('\n')]);
    expect(await attacker.ask('127.0.0.2', 7777, 'tcp', 5_000)).toBe('ETIMEDOUT');
    await network.tearDown('attacker');
  });

  test('a port on which the node itself listens is refused, and stays the node’s', async () => {
    await machine.serve('kubelet', 10250);
    for (const protocol of ['TCP', 'UDP'] as const) {
      const portMappings = [{ hostPort: 10250, containerPort: 80, protocol }];
      await expect(network.setUp({ ...sandbox('other', pods[1]), portMappings })).rejects.toThrow(
        `Cannot open port 10250/${protocol} of the node for pod default/other: a process of the node listens on it`,
      );
    }
    expect(await outside.ask('192.0.2.1', 10250)).toBe('kubelet 192.0.2.2');
    expect(await rules()).not.toContain('10250');
  });

  test('rules that somebody flushed come back, also by the next kubelet; they go with the pod', async () => {
    await machine.run('nft', ['flush', 'ruleset']);
    expect(await outside.ask('192.0.2.1', 8080)).toBe('ECONNREFUSED');
    await network.refresh();
    expect(await outside.ask('192.0.2.1', 8080)).toBe('web 192.0.2.2');
    await machine.run('nft', ['flush', 'ruleset']);
    const next = await start();
    expect(next.check('web')).toEqual(network.check('web'));
    expect(await outside.ask('192.0.2.1', 8080)).toBe('web 192.0.2.2');
    await next.tearDown('web');
    expect(await rules()).toBe('');
    expect(await outside.ask('192.0.2.1', 8080)).toBe('ECONNREFUSED');
  });
});

test('opens ports in a node that is a container, whose /proc/sys cannot be written', async () => {
  const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout;
  const name = 'kubelet-test-226-node';
  const remove = () => docker('rm', '-f', name);
  await remove();
  onTestFinished(async () => {
    await remove();
  });
  const may = ['NET_ADMIN', 'SYS_ADMIN'].flatMap((one) => ['--cap-add', one]);
  const confined = ['seccomp=unconfined', 'apparmor=unconfined'].flatMap((one) => [
    '--security-opt',
    one,
  ]);
  await docker('run', '-d', '--name', name, ...may, ...confined, IMAGE, 'sleep', 'infinity');
  const run: HostCommand = (command, args, { input = '' } = {}) =>
    new Promise((resolve, reject) => {
      const child = execFile('docker', ['exec', '-i', name, command, ...args], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
      child.stdin?.end(input);
    });
  await run('ip', ['link', 'add', 'cbr0', 'type', 'bridge']);
  await expect(
    run('sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/conf/cbr0/route_localnet']),
  ).rejects.toThrow('Read-only');
  const open = new HostPorts({
    bridge: 'cbr0',
    directory: await directory(),
    run,
    log: silentLogger,
  });
  await open.restore('10.244.1.0/24');
  await open.open(ports('web', [tcp(8080, 80)]));
  expect(await run('cat', ['/proc/sys/net/ipv4/conf/cbr0/route_localnet'])).toBe('1\n');
  expect(await run('nft', ['list', 'table', 'ip', 'hostports-cbr0'])).toContain(
    'dnat to 10.9.8.2:80',
  );
  await open.close('s-web');
  expect(await run('nft', ['list', 'ruleset'])).toBe('');
});

test('a real pod’s port is open on its node, for a neighbour and for itself, through a restart of the kubelet, and to nobody else', async () => {
  const number = 225;
  await using machine = await Namespace.make();
  await using outside = await Namespace.make();
  await machine.connect(outside, 'eth0', '192.0.2.1/24', '192.0.2.2/24');
  // The node's network is that of the namespace; Lab looks for left over wires in this machine's.
  const name = `kbl${number}`;
  const make = `ip link show ${name} || ip link add ${name} type bridge`;
  await promisify(execFile)('sh', ['-c', make]);
  await using lab = await Lab.start({ number, deps: { run: machine.run } });
  const serve =
    "process.on('SIGTERM', () => process.exit());" +
    "require('net').createServer((s) => s.end('web ' + s.remoteAddress)).listen(80, '0.0.0.0')";
  const command = ['node', '-e', serve];
  const port = { containerPort: 80, hostPort: 8080 };
  await lab.createPod('web', { containers: [script('web', '', { command, ports: [port] })] });
  await lab.createPod('client', { containers: [script('client', FOREVER)] });
  await Promise.all([lab.running('web'), lab.running('client')]);

  const described = await kubectl(lab, 'describe', 'pod', 'web');
  expect(described.stdout).toMatch(/Host Port: +8080\/TCP/);
  const ask = async () => [
    await outside.ask('192.0.2.1', 8080),
    await lab.exec('client', 'nc', '-d', '192.0.2.1', '8080'),
    await lab.exec('web', 'nc', '-d', '192.0.2.1', '8080'),
  ];
  const answers = ['web 192.0.2.2', `web 10.244.${number}.1`, `web 10.244.${number}.1`];
  const first = () => outside.ask('192.0.2.1', 8080);
  await lab.until('the server listens', async () => (await first()) === answers[0]);
  expect(await ask()).toEqual(answers);

  await machine.run('nft', ['flush', 'ruleset']);
  await lab.stopKubelet();
  await lab.startKubelet();
  await lab.until('the port is open again', async () => (await first()) === answers[0]);
  expect(await ask()).toEqual(answers);
  await lab.createPod('thief', { containers: [script('thief', FOREVER, { ports: [port] })] });
  const thief = await lab.podWhen('thief', ({ status }) => status?.phase === 'Failed');
  expect(thief.status?.reason).toBe('NodePorts');
  await lab.deletePod('web');
  expect(await outside.ask('192.0.2.1', 8080)).toBe('ECONNREFUSED');
  expect(await machine.run('nft', ['list', 'ruleset'])).toBe('');
});
