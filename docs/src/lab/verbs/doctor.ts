// doctor: does this machine have what the labs need? Each line says what was found and, where something is missing, what to
// do. Ends with 2 when something needed is missing; what only some tests use is a warning.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freeBytes } from '../../check/machine-problem.ts';
import { wrap } from '../../check/text.ts';
import type { Context } from '../context.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface DoctorFlags {
  readonly json?: boolean;
}

interface Finding {
  readonly what: string;
  readonly state: 'fine' | 'missing' | 'needed';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
}

const PACKAGES = ['vitest', 'typescript-5', 'commander', 'markdown-it', 'yaml', 'diff'];
const PORTS = [
  { port: 2379, of: 'the store' },
  { port: 6443, of: 'the API server' },
];
const DISK_MIN_BYTES = 500 * 1024 * 1024;
const TIMEOUT_MS = 5_000;

export async function doctor(context: Context, flags: DoctorFlags & CommonFlags): Promise<Ended> {
  const findings = await Promise.all([
    node(),
    packages(context),
    workWritable(context),
    disk(context),
    command('git', ['--version'], {
      todo: 'install git: lab start makes your folder a repository of its own, and status uses it',
    }),
    command('etcd', ['--version'], {
      todo: 'only the tests that compare with the real one need it: Debian and Ubuntu have it as etcd-server',
    }),
    command('etcdctl', ['version'], {
      todo: 'only the tests that speak the protocol to a store need it: Debian and Ubuntu have it as etcd-client',
    }),
    command('kubectl', ['version', '--client'], {
      todo: 'only the commands by hand from lab 02 on need it, any version from 1.28: kubernetes.io/docs/tasks/tools',
    }),
    command('curl', ['--version'], {
      todo: 'only the commands by hand need it: every system has it as the package curl, newer Windows and macOS come with it',
    }),
    command('docker', ['version', '--format', '{{.Server.Version}}'], {
      todo: 'labs 01 to 04 need none; for the later ones install Docker Engine or Docker Desktop, and start it',
    }),
    ...PORTS.map(portFree),
  ]);
  if (flags.json === true) context.print(JSON.stringify(findings, null, 2));
  else context.print(findings.flatMap((finding) => lines(context, finding)).join('\n'));
  const needed = findings.some(({ state }) => state === 'needed');
  if (flags.json !== true) {
    context.print(
      needed
        ? '\nSomething that every lab needs is missing.'
        : '\nThis machine has what it needs. npx lab start',
    );
  }
  return needed ? 2 : 0;
}

function lines({ paint, width }: Context, { what, state, found, todo }: Finding): string[] {
  const mark = { fine: paint.green('✓'), missing: paint.yellow('!'), needed: paint.red('✗') }[
    state
  ];
  const head = `${mark} ${what.padEnd(14)} ${found}`;
  return todo === undefined || state === 'fine'
    ? [head]
    : [head, ...wrap(todo, width - 17).map((line) => `${' '.repeat(17)}${line}`)];
}

async function node(): Promise<Finding> {
  // The command itself refuses to start on an older one.
  return { what: 'Node', state: 'fine', found: process.versions.node };
}

async function packages({ root }: Context): Promise<Finding> {
  const missing = PACKAGES.filter((name) => !isInstalled(root, name));
  if (missing.length === 0) return { what: 'packages', state: 'fine', found: 'complete' };
  return {
    what: 'packages',
    state: 'needed',
    found: `${missing.join(', ')} missing`,
    todo: 'run npm ci in the folder of kube-labs',
  };
}

const isInstalled = (root: string, name: string): boolean =>
  existsSync(join(root, 'node_modules', name, 'package.json'));

async function workWritable({ root, pathOf }: Context): Promise<Finding> {
  const folder = join(root, 'work', '.lab');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return { what: 'work/', state: 'fine', found: `${pathOf(join(root, 'work'))} can be written` };
  } catch (error) {
    return {
      what: 'work/',
      state: 'needed',
      found: (error as Error).message,
      todo: 'give yourself the right to write there: your code and your progress lie in it',
    };
  }
}

async function disk({ root }: Context): Promise<Finding> {
  const free = freeBytes(root);
  const found = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return free >= DISK_MIN_BYTES
    ? { what: 'disk', state: 'fine', found }
    : {
        what: 'disk',
        state: 'needed',
        found,
        todo: 'make room: the tests write logs, half a GiB is enough',
      };
}

/** Everything that is only a command: there, with its version, or a warning. */
async function command(
  name: string,
  args: readonly string[],
  { todo }: { todo: string },
): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)(name, [...args], { timeout: TIMEOUT_MS });
    const [first = ''] = stdout.trim().split('\n');
    return { what: name, state: 'fine', found: first };
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const reason =
      code === 'ENOENT' ? 'not found' : (stderr?.trim().split('\n')[0] ?? String(error));
    return { what: name, state: 'missing', found: reason, todo };
  }
}

/** Nothing needs these ports but a store or a cluster that is started by hand; the tests take free ones. */
async function portFree({ port, of }: (typeof PORTS)[number]): Promise<Finding> {
  const what = `port ${port}`;
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  return free
    ? { what, state: 'fine', found: 'free' }
    : {
        what,
        state: 'missing',
        found: 'in use',
        todo: `another program has it; ${of} can be started on another port, the tests take free ones`,
      };
}
