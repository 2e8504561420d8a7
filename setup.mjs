// Setup: makes a fresh machine ready for `npm start` (--for start), `npm test` (--for test), or the course (--for lab).
//
// Checks Node, installs the npm packages when they are missing or stale, sees to a Docker Engine that
// answers (not for the course: its first labs need none), and for tests to their tools (etcd, nft, …) and the images. As root on Debian or Ubuntu it installs what is missing from
// the distribution's packages, and says so first; elsewhere it says what to do, and ends with 1.
//
// Rules: no dependencies (it runs before there are any); syntax that an old Node still reads, so that it can
// be told that it is too old; safe to run twice, and quick (well under a second) when there is nothing to do;
// never a wait without an end.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const isRoot = process.getuid !== undefined && process.getuid() === 0;
const dockerdLog = '/var/log/kube-labs-dockerd.log';
const pidFiles = [
  ['/var/run/docker.pid', 'dockerd'],
  ['/var/run/docker/containerd/containerd.pid', 'containerd'],
];

class SetupError extends Error {}

async function main() {
  const { argv } = process;
  if (argv.includes('--help')) {
    console.log(
      'Usage: node setup.mjs [--for start|test|lab]\n\nMakes this machine ready: npm packages; for start and test Docker; for test etcd, Chromium and the images.',
    );
    return;
  }
  checkNode();
  const purpose = argv.includes('--for') ? argv[argv.indexOf('--for') + 1] : 'start';
  if (!['start', 'test', 'lab'].includes(purpose)) {
    throw new SetupError('Say what for: node setup.mjs --for start, --for test, or --for lab');
  }
  await ensurePackages();
  if (purpose === 'lab') return;
  await ensureDocker();
  if (purpose === 'start') return; // `up` makes the images itself, as its first step.
  await ensureTestTools();
  await ensureImages();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old: kube-labs needs 20.19 or newer, see https://nodejs.org/en/download`,
  );
}

async function ensurePackages() {
  if (packagesAreFresh()) return;
  say('Installing the npm packages (npm ci)');
  try {
    await runNpm(['ci']);
  } catch (error) {
    if (!error.message.includes('EUSAGE')) throw error;
    // The lock file lacks something: a registry did not have a package for another system when it was written.
    say('package-lock.json does not fit package.json: npm install instead');
    await runNpm(['install', '--no-save']);
  }
}

function runNpm(args) {
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm];
  // The Node that runs us may live in the node_modules that npm is about to replace.
  const path = (process.env.PATH ?? '').split(delimiter);
  const outside = path.filter((dir) => !dir.startsWith(join(root, 'node_modules')));
  return run(command, [...first, ...args, '--no-audit', '--no-fund'], {
    what: `npm ${args[0]}`,
    wayOut: 'check that this machine reaches its npm registry',
    env: { PATH: outside.join(delimiter) },
    shell: process.platform === 'win32',
  });
}

/** npm keeps beside the packages the list of what it installed; we compare it with the one in git. */
function packagesAreFresh() {
  try {
    const wanted = readLock('package-lock.json');
    const installed = readLock('node_modules/.package-lock.json');
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '' || entry.link === true || !path.includes('node_modules/')) return true;
      const got = installed[path];
      return got === undefined ? entry.optional === true : got.version === entry.version;
    });
  } catch {
    return false;
  }
}

function readLock(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
}

async function ensureDocker() {
  const first = await pingDocker();
  if (first === 'answers') return;
  if (process.env.DOCKER_HOST !== undefined) {
    throw new SetupError(
      `Docker does not answer at ${process.env.DOCKER_HOST}: start it there, or unset DOCKER_HOST`,
    );
  }
  if (first === 'refused') {
    throw new SetupError(
      'Docker runs, but refuses you: add yourself to its group (sudo usermod -aG docker $USER, then log in again), or run this as root',
    );
  }
  if (!hasCommand('dockerd')) {
    requireApt(
      'Docker does not answer and is not installed',
      'https://docs.docker.com/engine/install',
    );
    await aptInstall(['docker.io', ...(aptKnows('docker-cli') ? ['docker-cli'] : [])]);
  } else if (!isRoot) {
    throw new SetupError(
      'Docker is installed but does not run: start it (sudo systemctl start docker)',
    );
  }
  await startDocker();
}

/** An engine that was killed leaves its pid behind, and will not start again once another process has that number. */
function removeStalePidFile(file, program) {
  if (!existsSync(file)) return;
  const pid = readFileSync(file, 'utf8').trim();
  const name = `/proc/${pid}/comm`;
  if (existsSync(name) && readFileSync(name, 'utf8').trim() === program) return;
  rmSync(file, { force: true });
}

async function startDocker() {
  if (await waitForDocker(3)) return; // The package may have started it.
  say('Starting Docker');
  if (existsSync('/run/systemd/system')) {
    spawnSync('systemctl', ['start', 'docker'], { timeout: 60_000 });
    if (await waitForDocker(30)) return;
  } else {
    spawnSync('service', ['docker', 'start'], { timeout: 30_000, stdio: 'ignore' });
    if (await waitForDocker(8)) return;
    for (const [file, program] of pidFiles) removeStalePidFile(file, program);
    const log = openSync(dockerdLog, 'a');
    spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] }).unref();
    if (await waitForDocker(30)) return;
  }
  const tail = existsSync(dockerdLog) ? lastLines(readFileSync(dockerdLog, 'utf8'), 10) : '';
  throw new SetupError(
    `Docker is installed but did not start: see ${dockerdLog} or \`journalctl -u docker\`\n${tail}`,
  );
}

/** 'answers', 'refused' (no permission) or 'absent'. */
function pingDocker() {
  const host = process.env.DOCKER_HOST;
  if (host !== undefined && !/^(unix|tcp|http):/.test(host)) {
    const { status } = spawnSync('docker', ['version'], { timeout: 10_000 });
    return Promise.resolve(status === 0 ? 'answers' : 'absent');
  }
  return new Promise((resolve) => {
    const target = dockerTarget(host);
    const ping = request({ ...target, path: '/_ping', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'answers' : 'absent');
    });
    ping.once('timeout', () => ping.destroy(new Error('timeout')));
    ping.once('error', (error) => resolve(error.code === 'EACCES' ? 'refused' : 'absent'));
    ping.end();
  });
}

function dockerTarget(host) {
  if (host?.startsWith('unix://')) return { socketPath: host.slice(7) };
  if (host !== undefined) {
    const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
    return { host: hostname, port: port === '' ? 2375 : Number(port) };
  }
  if (process.platform === 'win32') return { socketPath: '//./pipe/docker_engine' };
  const desktop = join(process.env.HOME ?? '/', '.docker/run/docker.sock');
  const usual = '/var/run/docker.sock';
  return { socketPath: !existsSync(usual) && existsSync(desktop) ? desktop : usual };
}

async function waitForDocker(seconds) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if ((await pingDocker()) === 'answers') return true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return false;
}

/** What the tests drive or look with, besides Docker: command (or others that do as well) → package of Debian. */
const testTools = [
  ['etcd', 'etcd-server'],
  ['etcdctl', 'etcd-client'],
  ['nft', 'nftables'],
  ['ip', 'iproute2'],
  ['nsenter', 'util-linux'],
  ['mount', 'mount'],
  ['pgrep', 'procps'],
  ['openssl', 'openssl'],
  ['/usr/lib/cni/bridge', 'containernetworking-plugins'],
  ['chromium|chromium-browser|google-chrome', 'chromium'],
  ['/usr/lib/python3/dist-packages/kubernetes', 'python3-kubernetes'],
];

async function ensureTestTools() {
  const missing = testTools.filter(([names]) => !names.split('|').some(isThere));
  if (missing.length === 0) return;
  const commands = missing.map(([names]) => names.replaceAll('|', ' or ')).join(', ');
  requireApt(`The tests need ${commands}`, 'the README');
  await aptInstall(missing.map(([, name]) => name));
}

/** A command, or a path. */
function isThere(name) {
  return name.startsWith('/') ? existsSync(name) : hasCommand(name);
}

async function ensureImages() {
  await run(process.execPath, ['--import', 'tsx', 'labs/08-full-cluster/src/setup-image.ts'], {
    what: 'making the node image',
    wayOut: 'see above',
    show: true,
  });
}

function requireApt(problem, page) {
  if (isRoot && hasCommand('apt-get')) return;
  const reason = isRoot ? 'this is not Debian or Ubuntu' : 'you are not root';
  throw new SetupError(
    `${problem}, and it cannot be installed for you because ${reason}: see ${page}, or run this as root on Debian or Ubuntu`,
  );
}

async function aptInstall(packages) {
  say(`Installing from your distribution's packages: ${packages.join(', ')}`);
  const wayOut = 'check that this machine reaches its package mirror';
  await run('apt-get', ['update', '-q'], { what: 'apt-get update', wayOut });
  // A package's service must not decide about the installation: we start Docker ourselves.
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], {
    what: `apt-get install ${packages.join(' ')}`,
    wayOut,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function aptKnows(name) {
  const { stdout } = spawnSync('apt-cache', ['search', '--names-only', `^${name}$`]);
  return String(stdout ?? '').trim() !== '';
}

function hasCommand(name) {
  const path = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/bin`.split(
    delimiter,
  );
  return path.some((dir) => {
    try {
      return statSync(join(dir, name)).isFile();
    } catch {
      return false;
    }
  });
}

/** Runs a command that may take long: a line every ten seconds, its output only when it fails. */
function run(command, args, { what, wayOut, env = {}, show = false, shell = false }) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      shell,
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-8000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const ticker = setInterval(() => say(`  … ${what}: ${seconds()} s`), 10_000);
    const end = (failure) => {
      clearInterval(ticker);
      if (failure === undefined) return resolve();
      return reject(new SetupError(`${what} failed (${failure}): ${wayOut}\n${reasons(output)}`));
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code) => end(code === 0 ? undefined : `exit code ${code}`));
  });
}

/** npm and apt mark the lines that say why, and print much after them. */
function reasons(output) {
  const marked = output.split('\n').filter((line) => /^(npm error|E:|Err:)/.test(line));
  return marked.length > 0 ? marked.slice(0, 12).join('\n') : lastLines(output, 15);
}

function lastLines(text, count) {
  return text.trim().split('\n').slice(-count).join('\n').trim();
}

function say(line) {
  console.log(line);
}

main().catch((error) => {
  if (!(error instanceof SetupError)) throw error;
  console.error(`Error: ${error.message.trim()}`);
  process.exitCode = 1;
});
