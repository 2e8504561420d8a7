// Engine: a second Docker Engine of the test's own, which can be killed without anybody else noticing.
//
// It has its own directory, socket, containerd and bridge. (With no bridge at all it would take the first engine's docker0 away.)
// Its one image is made of the few programs of this machine that a pod of the tests needs. While it is there, the docker
// command of this process talks to it.
//
// Same purpose upstream: test/e2e_node/restart_test.go.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { IMAGE, shell } from '../lab.ts';

const PROGRAMS = ['sh', 'sleep', 'cat', 'unshare', 'setpriv'];
const START_MS_MAX = 90_000;
const POLL_MS = 50;

export class Engine implements AsyncDisposable {
  readonly socketPath: string;
  readonly #directory: string;
  readonly #bridge: string;
  readonly #address: string;
  #daemon: ChildProcess | undefined;

  private constructor(number: number) {
    this.#directory = `/var/lib/kube-labs-test/engine-${number}`;
    this.#bridge = `kble${number}`;
    this.#address = `10.253.${number}.1/24`;
    this.socketPath = `${this.#directory}/docker.sock`;
  }

  /** @param number tells the test files apart, as that of a Lab. */
  static async start(number: number): Promise<Engine> {
    const engine = new Engine(number);
    engine.#removeLeftovers();
    mkdirSync(engine.#directory, { recursive: true });
    execFileSync('ip', ['link', 'add', engine.#bridge, 'type', 'bridge']);
    execFileSync('ip', ['addr', 'add', engine.#address, 'dev', engine.#bridge]);
    process.env.DOCKER_HOST = `unix://${engine.socketPath}`;
    await engine.startDaemon();
    engine.#importImage();
    return engine;
  }

  async startDaemon(): Promise<void> {
    const at = (name: string) => `${this.#directory}/${name}`;
    const log = openSync(at('dockerd.log'), 'a');
    const paths = [`--data-root=${at('root')}`, `--exec-root=${at('exec')}`];
    const network = [`--bridge=${this.#bridge}`, '--iptables=false', '--ip-masq=false'];
    const daemon = spawn(
      'dockerd',
      [...paths, `--pidfile=${at('pid')}`, `--host=unix://${this.socketPath}`, ...network],
      { stdio: ['ignore', log, log] },
    );
    this.#daemon = daemon;
    const deadlineMs = Date.now() + START_MS_MAX;
    while (
      !(await shell('docker', ['version']).then(
        () => true,
        () => false,
      ))
    ) {
      if (daemon.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`Cannot start a second engine: ${readFileSync(at('dockerd.log'))}`);
      }
      await wait(POLL_MS);
    }
  }

  /** As a crash: its containers run on until it is started again, which ends them. */
  async killDaemon(): Promise<void> {
    const containerd = readFileSync(`${this.#directory}/exec/containerd/containerd.pid`, 'utf8');
    await end(this.#daemon, 'SIGKILL');
    // It dies with the daemon, a moment later.
    while (existsSync(`/proc/${containerd}`)) await wait(POLL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ids = await shell('docker', ['ps', '-aq']).catch(() => '');
    if (ids !== '') await shell('docker', ['rm', '-f', ...ids.split('\n')]);
    await end(this.#daemon, 'SIGTERM');
    delete process.env.DOCKER_HOST;
    this.#removeLeftovers();
  }

  #importImage(): void {
    const found = PROGRAMS.map((name) => execFileSync('which', [name]).toString().trim());
    const linked = execFileSync('ldd', found).toString();
    const libraries = new Set([...linked.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? ''));
    const files = [...found, ...libraries];
    // Links are followed, so that each file is where it is looked for.
    const tar = execFileSync('tar', ['-chPf', '-', ...files], { maxBuffer: 64 * 1024 ** 2 });
    execFileSync('docker', ['import', '-', IMAGE], { input: tar });
  }

  /** Of a run that was cut off, too: processes, mounts, directory, bridge. */
  #removeLeftovers(): void {
    const containers = `${this.#directory}/root/containers`;
    const ids = existsSync(containers) ? readdirSync(containers) : [];
    endProcesses(({ command, cgroup }) => {
      return command.includes(`${this.#directory}/`) || ids.some((id) => cgroup.includes(id));
    });
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const points = mounts.map((line) => line.split(' ')[4] ?? '').reverse();
    for (const point of points) {
      if (point.startsWith(`${this.#directory}/`)) execFileSync('umount', [point]);
    }
    rmSync(this.#directory, { recursive: true, force: true });
    try {
      execFileSync('ip', ['link', 'del', this.#bridge], { stdio: 'ignore' });
    } catch {
      // There was none.
    }
  }
}

function endProcesses(which: (one: { command: string; cgroup: string }) => boolean): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
      if (which({ command: read('cmdline'), cgroup: read('cgroup') }))
        process.kill(+pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

async function end(daemon: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill(signal);
  await ended;
}
