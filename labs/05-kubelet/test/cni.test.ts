// CNI: what a configuration may be, what plugins are told in which order, and Debian's own plugins with real packets.

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, resources, silentLogger } from '@kube-labs/apiserver';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { addressesOf, parseCniConfig, pluginInput } from '#src/network/cni-config.ts';
import { CniNetwork } from '#src/network/cni-network.ts';
import type { NetworkSandbox } from '#src/network/network-plugin.ts';
import type { PortMapping } from '#src/runtime/runtime.ts';
import { FOREVER, Lab, script } from './lab.ts';
import { Namespace } from './namespace.ts';

const DEBIAN_PLUGINS = '/usr/lib/cni';

function sandboxIn({ pid, netns }: Namespace, sandboxId: string): NetworkSandbox {
  const pod = { uid: `uid-${sandboxId}`, name: sandboxId, namespace: 'default' };
  return { sandboxId, pid, netns, pod, portMappings: [] };
}

describe('parseCniConfig()', () => {
  const one = { cniVersion: '1.0.0', name: 'net', type: 'bridge', bridge: 'b0' };

  test('makes a chain of one plugin out of a .conf', () => {
    expect(parseCniConfig('10.conf', JSON.stringify(one))).toEqual({
      ...{ name: 'net', cniVersion: '1.0.0', disableCheck: false, disableGc: false },
      plugins: [one],
    });
  });

  test('takes the newest version that both sides know', () => {
    const { plugins } = { plugins: [one] };
    const list = { name: 'net', cniVersion: '0.4.0', cniVersions: ['1.0.0', '9.9.9'], plugins };
    expect(parseCniConfig('a.conflist', JSON.stringify(list)).cniVersion).toBe('1.0.0');
  });

  test.each<[string, string, string]>([
    ['a.conf', '{', 'it is not JSON'],
    ['a.conf', '[]', 'it is not an object'],
    ['a.conf', '{"name":"n","cniVersion":"1.0.0"}', "a plugin has no 'type'"],
    ['a.conflist', JSON.stringify(one), 'it has no plugins'],
    ['a.conflist', '{"name":"n","cniVersion":"1.0.0","plugins":[]}', 'it has no plugins'],
    ['a.conf', JSON.stringify({ ...one, type: '../../bin/sh' }), "a plugin has no 'type'"],
    ['a.conf', JSON.stringify({ ...one, name: '../n' }), 'its name must be'],
    ['a.conf', JSON.stringify({ ...one, name: undefined }), 'its name must be'],
    ['a.conf', JSON.stringify({ ...one, cniVersion: '0.2.0' }), 'its cniVersion must be one of'],
    ['a.conf', JSON.stringify({ ...one, cniVersion: undefined }), 'its cniVersion must be one of'],
  ])('refuses %s with %s', (file, text, why) => {
    expect(() => parseCniConfig(file, text)).toThrow(why);
  });

  test('a plugin is given the name and version of the list, and what it is capable of', () => {
    const portmap = {
      type: 'portmap',
      capabilities: { portMappings: true, dns: false },
      snat: true,
    };
    const list = { name: 'net', cniVersion: '1.0.0', plugins: [portmap] };
    const config = parseCniConfig('a.conflist', JSON.stringify(list));
    const capabilityArgs = { portMappings: [1], dns: {}, ipRanges: [] };
    const prevResult = { ips: [] };
    const input = pluginInput(config, portmap, { capabilityArgs, prevResult });
    expect(JSON.parse(input)).toEqual({
      ...{ type: 'portmap', name: 'net', cniVersion: '1.0.0', snat: true },
      ...{ runtimeConfig: { portMappings: [1] }, prevResult },
    });
  });

  test('addresses of the pod are those on its side of the wire', () => {
    const interfaces = [{ name: 'b0' }, { name: 'eth0', sandbox: '/proc/1/ns/net' }];
    const ips = [
      { address: '10.0.0.1/24', interface: 0 },
      { address: '10.0.0.5/24', interface: 1 },
    ];
    expect(addressesOf({ interfaces, ips })).toEqual(['10.0.0.5']);
    expect(addressesOf({ ips: [{ address: 'fd00::5/64' }] })).toEqual(['fd00::5']);
    expect(addressesOf({})).toEqual([]);
  });
});

/** Two plugins that write down what they are told, and fail when there is a file that says so. */
describe('a chain of plugins', () => {
  const PLUGIN = `#!/bin/sh
input=$(cat)
me=$(basename "$0")
echo "$CNI_COMMAND $me $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS $input" >>"$DIR/said"
[ -f "$DIR/fail-$CNI_COMMAND-$me" ] && { cat "$DIR/fail-$CNI_COMMAND-$me"; exit 1; }
case $CNI_COMMAND-$me in
  ADD-first) nsenter --net=$CNI_NETNS ip link add eth0 type bridge >&2 || exit 1;;
  DEL-first) [ -n "$CNI_NETNS" ] && nsenter --net=$CNI_NETNS ip link del eth0 >&2;;
esac
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion": "1.1.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]}';;
  ADD) echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.9.8.7/24"}], "by": "'$me'"}';;
esac`;

  async function chain(version: string, more: object = {}) {
    const directory = await mkdtemp(join(tmpdir(), 'kubelet-cni-'));
    const pod = await Namespace.make();
    onTestFinished(async () => {
      await pod[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    });
    const confDirectory = join(directory, 'net.d');
    await mkdir(confDirectory);
    for (const name of ['first', 'second']) {
      await writeFile(join(directory, name), PLUGIN.replaceAll('$DIR', directory));
      await chmod(join(directory, name), 0o755);
    }
    const plugins = [{ type: 'first' }, { type: 'second' }];
    const list = { name: 'net', cniVersion: version, plugins, ...more };
    await writeFile(join(confDirectory, '10-net.conflist'), JSON.stringify(list));
    const start = async (log: Logger = silentLogger) => {
      const made = new CniNetwork({
        ...{ confDirectory, binDirectories: ['/nowhere', directory] },
        ...{ stateDirectory: directory, run: runHostCommand, log },
      });
      await made.restore();
      await made.configure('');
      return made;
    };
    /** What was said since the last time, without the words about versions. */
    let before = 0;
    const said = async () => {
      const all = (await readFile(join(directory, 'said'), 'utf8')).trimEnd().split('\n');
      const fresh = all.slice(before).filter((line) => !line.startsWith('VERSION'));
      before = all.length;
      return fresh;
    };
    const fail = (command: string, plugin: string, text: string) =>
      writeFile(join(directory, `fail-${command}-${plugin}`), text);
    return { directory, confDirectory, pod, start, said, fail };
  }

  const firstWords = (lines: readonly string[]) =>
    lines.map((line) => line.split(' ').slice(0, 2).join(' '));
  const inputOf = (line = '') => JSON.parse(line.slice(line.indexOf('{')));

  test('ADD goes in order, DEL in reverse with the result of ADD, each with its environment', async () => {
    const { start, said, pod, directory } = await chain('1.0.0');
    const network = await start();
    expect(await said()).toEqual([]);
    expect(await network.setUp(sandboxIn(pod, 'a'))).toEqual({ ip: '10.9.8.7', ips: ['10.9.8.7'] });
    const [first, second] = await said();
    expect(first).toContain(
      `ADD first a ${pod.netns} eth0 IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=a;K8S_POD_INFRA_CONTAINER_ID=a;K8S_POD_UID=uid-a {`,
    );
    expect(inputOf(first)).toEqual({ type: 'first', name: 'net', cniVersion: '1.0.0' });
    expect(inputOf(second)).toMatchObject({ type: 'second', prevResult: { by: 'first' } });
    await network.tearDown('a');
    const deleted = await said();
    expect(firstWords(deleted)).toEqual(['DEL second', 'DEL first']);
    expect(deleted.map((line) => inputOf(line).prevResult.by)).toEqual(['second', 'second']);
    expect(network.sandboxIds()).toEqual([]);
    expect(await readdir(join(directory, 'cni'))).toEqual([]);
    // Again is harmless.
    await network.tearDown('a');
    expect(await readFile(join(directory, 'said'), 'utf8')).not.toMatch(/STATUS|GC/);
  });

  test('the next kubelet has the result, CHECKs it once, and detaches by the configuration of its time', async () => {
    const { start, said, pod, confDirectory } = await chain('0.4.0');
    await (await start()).setUp(sandboxIn(pod, 'a'));
    await rm(join(confDirectory, '10-net.conflist'));
    const next = await start();
    await said();
    expect(next.status()).toMatchObject({ ready: false });
    expect(next.check('a')).toEqual({ ip: '10.9.8.7', ips: ['10.9.8.7'] });
    await next.refresh();
    await next.refresh();
    const checked = await said();
    expect(firstWords(checked)).toEqual(['CHECK first', 'CHECK second']);
    expect(inputOf(checked[0]).prevResult.by).toBe('second');
    await next.tearDown('a');
    expect(firstWords(await said())).toEqual(['DEL second', 'DEL first']);
  });

  test('what CHECK finds is told, and costs no pod; one whose wire is gone has no network any more', async () => {
    const { start, pod, fail } = await chain('1.0.0');
    await (await start()).setUp(sandboxIn(pod, 'a'));
    const warned: unknown[] = [];
    const log = { ...silentLogger, warn: (...what: unknown[]) => warned.push(what) };
    const next = await start(log);
    await fail('CHECK', 'second', '{"code": 101, "msg": "no such address"}');
    await next.refresh();
    expect(JSON.stringify(warned)).toContain('failed (check): no such address');
    expect(next.check('a')).toBeDefined();
    await pod.run('ip', ['link', 'del', 'eth0']);
    expect((await start()).check('a')).toBeUndefined();
    await next.refresh();
    expect(next.check('a')).toBeUndefined();
  });

  test('disableCheck, and 0.3.1, which knows no CHECK, leave it out; DEL has no result before 0.4.0', async () => {
    for (const [version, more] of [
      ['1.0.0', { disableCheck: true }],
      ['0.3.1', {}],
    ] as const) {
      const { start, said, pod } = await chain(version, more);
      await (await start()).setUp(sandboxIn(pod, 'a'));
      const next = await start();
      await said();
      await next.refresh();
      expect(next.check('a')).toBeDefined();
      await next.tearDown('a');
      const deleted = await said();
      expect(firstWords(deleted)).toEqual(['DEL second', 'DEL first']);
      expect(inputOf(deleted[0]).prevResult === undefined).toBe(version === '0.3.1');
    }
  });

  test('what a plugin says is wrong is told in its words; what was begun is on record, and goes', async () => {
    const { start, said, pod, fail } = await chain('1.0.0');
    const network = await start();
    await fail(
      'ADD',
      'second',
      '{"cniVersion": "1.0.0", "code": 7, "msg": "no range", "details": "none at all"}',
    );
    await expect(network.setUp(sandboxIn(pod, 'a'))).rejects.toThrow(
      'networkPlugin cni failed to set up pod "a_default" network: plugin type="second" failed (add): no range; none at all',
    );
    expect(network.sandboxIds()).toEqual(['a']);
    expect(network.check('a')).toBeUndefined();
    await said();
    await network.tearDown('a');
    expect(firstWords(await said())).toEqual(['DEL second', 'DEL first']);
    await fail('ADD', 'second', 'panic: oops');
    await expect(network.setUp(sandboxIn(pod, 'a'))).rejects.toThrow(
      'netplugin failed but error parsing its diagnostic message "panic: oops"',
    );
    await fail('ADD', 'second', '');
    await expect(network.setUp(sandboxIn(pod, 'a'))).rejects.toThrow(
      'netplugin failed with no error message',
    );
  });

  test('1.1.0: STATUS decides whether the node is ready, GC is told once who may stay', async () => {
    const { start, said, pod, fail, directory } = await chain('1.1.0');
    const before = await start();
    await before.setUp(sandboxIn(pod, 'a'));
    await fail('STATUS', 'second', '{"code": 50, "msg": "no daemon"}');
    const network = await start();
    expect(network.status()).toEqual({
      ready: false,
      reason: 'NetworkPluginNotReady',
      message: 'docker: network plugin is not ready: no daemon',
    });
    await rm(join(directory, 'fail-STATUS-second'));
    await network.configure('');
    expect(network.status()).toEqual({ ready: true });
    await said();
    await network.refresh();
    await network.refresh();
    const collected = (await said()).filter((line) => line.startsWith('GC'));
    expect(firstWords(collected)).toEqual(['GC first', 'GC second']);
    expect(inputOf(collected[0])).toEqual({
      ...{ type: 'first', name: 'net', cniVersion: '1.1.0' },
      'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }],
    });
  });

  test('a configuration that cannot be used is passed over; without any the node is not ready', async () => {
    const { start, confDirectory } = await chain('1.0.0');
    await rm(join(confDirectory, '10-net.conflist'));
    const network = await start();
    const message = 'docker: network plugin is not ready: cni config uninitialized';
    expect(network.status()).toMatchObject({ ready: false, message });
    const write = async (name: string, content: object) => {
      await writeFile(join(confDirectory, name), JSON.stringify({ name: 'net', ...content }));
      await network.configure('');
    };
    await write('01-torn.conf', { cniVersion: '1.0.0' });
    await write('02-absent.conf', { cniVersion: '1.0.0', type: 'absent' });
    await write('03-readme.txt', { cniVersion: '1.0.0', type: 'first' });
    expect(network.status()).toMatchObject({ message });
    const capabilities = { ipRanges: true };
    await write('04-ranges.conf', { cniVersion: '1.0.0', type: 'first', capabilities });
    expect(network.status()).toMatchObject({
      message: expect.stringContaining('cni config needs ipRanges but no PodCIDR set'),
    });
    await network.configure('10.9.8.0/24');
    expect(network.status()).toEqual({ ready: true });
  });

  test('a record that a kill has torn is no attachment', async () => {
    const { start, pod, directory } = await chain('1.0.0');
    await (await start()).setUp(sandboxIn(pod, 'a'));
    const state = join(directory, 'cni');
    const whole = await readFile(join(state, 'a'), 'utf8');
    await writeFile(join(state, 'b'), whole.slice(0, -20));
    await writeFile(join(state, '.new-c'), whole);
    expect((await start()).sandboxIds()).toEqual(['a']);
    expect(await readdir(state)).toEqual(['a']);
  });
});

/** A node 192.0.2.1 in a namespace of its own, with Debian's bridge, host-local and portmap; somebody outside, 192.0.2.2. */
describe('Debian’s plugins', () => {
  const namespaces: Namespace[] = [];
  let root: string;
  let machine: Namespace;
  let outside: Namespace;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'kubelet-cni-'));
    [machine, outside] = [await namespace(), await namespace()];
    await machine.connect(outside, 'eth0', '192.0.2.1/24', '192.0.2.2/24');
    const ipam = {
      type: 'host-local',
      dataDir: join(root, 'ipam'),
      routes: [{ dst: '0.0.0.0/0' }],
    };
    const capabilities = { ipRanges: true };
    const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam };
    const plugins = [
      { ...bridge, capabilities },
      { type: 'portmap', capabilities: { portMappings: true } },
    ];
    const list = { cniVersion: '1.0.0', name: 'debian', plugins };
    await mkdir(join(root, 'net.d'));
    await writeFile(join(root, 'net.d', '10-debian.conflist'), JSON.stringify(list));
  });
  afterAll(async () => {
    for (const one of namespaces) await one[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  async function namespace(): Promise<Namespace> {
    const made = await Namespace.make();
    namespaces.push(made);
    return made;
  }

  async function start(): Promise<CniNetwork> {
    const network = new CniNetwork({
      ...{ confDirectory: join(root, 'net.d'), binDirectories: [DEBIAN_PLUGINS] },
      ...{ stateDirectory: root, run: machine.run, log: silentLogger },
    });
    await network.restore();
    await network.configure('10.244.7.0/24');
    return network;
  }

  const held = async () =>
    (await readdir(join(root, 'ipam', 'debian'))).filter((file) => file.startsWith('10.'));

  test('give pods addresses of the node’s range and ports of the node, through a restart, and take all back', async () => {
    const [web, other] = [await namespace(), await namespace()];
    const network = await start();
    const portMappings: PortMapping[] = [{ hostPort: 8080, containerPort: 80, protocol: 'TCP' }];
    const { ip } = await network.setUp({ ...sandboxIn(web, 'web'), portMappings });
    const second = await network.setUp(sandboxIn(other, 'other'));
    expect([ip, second.ip]).toEqual(['10.244.7.2', '10.244.7.3']);
    await web.serve('web', 80);
    const answers = [other.ask('10.244.7.2', 80), outside.ask('192.0.2.1', 8080)];
    expect(await Promise.all(answers)).toEqual(['web 10.244.7.3', 'web 192.0.2.2']);
    const next = await start();
    await next.refresh();
    expect([next.check('web')?.ip, next.check('other')?.ip]).toEqual(['10.244.7.2', '10.244.7.3']);
    // With its namespace nothing is left of one; without, the address is free all the same.
    await next.tearDown('web');
    expect(await web.ip('link')).toMatchObject([{ ifname: 'lo' }]);
    expect(await outside.ask('192.0.2.1', 8080)).toBe('ECONNREFUSED');
    await other[Symbol.asyncDispose]();
    await next.refresh();
    expect(next.check('other')).toBeUndefined();
    await next.tearDown('other');
    expect([await held(), next.sandboxIds()]).toEqual([[], []]);
    expect(await readdir(join(root, 'cni'))).toEqual([]);
    // The kernel takes a namespace apart after the last process of it has ended.
    const wires = () => machine.ip('link', 'show', 'type', 'veth', 'master', 'cni0');
    await expect.poll(wires).toEqual([]);
  });
});

test('a kubelet with CNI: not ready without a configuration, then real pods, whose addresses survive its restart', async () => {
  const number = 227;
  const root = await mkdtemp(join(tmpdir(), 'kubelet-cni-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const confFile = join(root, '10-net.conf');
  const write = () => {
    const subnet = `10.244.${number}.0/24`;
    const ipam = { type: 'host-local', dataDir: join(root, 'ipam'), subnet };
    const bridge = { type: 'bridge', bridge: `kbl${number}`, ipam };
    return writeFile(confFile, JSON.stringify({ cniVersion: '1.0.0', name: 'net', ...bridge }));
  };
  await write();
  const flags = [
    '--network-plugin=cni',
    `--cni-conf-dir=${root}`,
    `--cni-bin-dir=/none,${DEBIAN_PLUGINS}`,
  ];
  await using lab = await Lab.start({ number, flags });
  await mkdir(join(lab.rootDirectory, 'network', lab.bridge));
  await lab.createPod('web', { containers: [script('c', FOREVER)] });
  const first = await lab.running('web');
  expect(first.status?.podIP).toMatch(/^10\.244\.227\.\d+$/);
  const before = await lab.containers();

  await rm(confFile);
  await lab.stopKubelet();
  await lab.startKubelet();
  const ready = async () => {
    const node = await lab.client.get(resources.nodes, { name: 'node-1' });
    return node.status?.conditions?.find(({ type }) => type === 'Ready');
  };
  const words =
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:docker: network plugin is not ready: cni config uninitialized';
  await lab.until('the node is not ready', async () => (await ready())?.message?.includes(words));
  await lab.createPod('waits', { containers: [script('c', FOREVER)] });
  await lab.eventWhen('waits', /^NetworkNotReady .*cni config uninitialized/);
  await write();
  await lab.running('waits');
  await lab.until('the node is ready', async () => (await ready())?.status === 'True');
  expect(await ready()).toMatchObject({ status: 'True', reason: 'KubeletReady' });
  const again = await lab.pod('web');
  expect(again?.status?.podIP).toBe(first.status?.podIP);
  expect(await lab.containers('_web_')).toEqual(before);
  await Promise.all([lab.deletePod('web'), lab.deletePod('waits')]);
  const addresses = await readdir(join(root, 'ipam', 'net'));
  expect(addresses.filter((file) => file.startsWith('10.'))).toEqual([]);
  expect(await readdir(join(lab.rootDirectory, 'network', 'cni'))).toEqual([]);
});
