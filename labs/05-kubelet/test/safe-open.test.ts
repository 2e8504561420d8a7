// Sub-paths: made where they are missing, refused where they lead out, whatever a container does to them meanwhile.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { mountsBelow, removeDirectory } from '#src/volume/mounts.ts';
import { openInside, SubPathError } from '#src/volume/safe-open.ts';
import { bindSubPath, subPathTarget } from '#src/volume/sub-path.ts';

const LOOKS = 1_000;
/** Beside others the attacker may not get a processor for a while. */
const LOOKS_MS_MAX = 60_000;

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubelet-sub-path-'));
  onTestFinished(() => removeDirectory(path, runHostCommand));
  return path;
}

/** Where the kernel says that the opened file is. */
async function resolve(base: string, subPath: string, root = ''): Promise<string> {
  const opened = await openInside(base, subPath, { root });
  try {
    return await readlink(`/proc/self/fd/${opened.fd}`);
  } finally {
    await opened.close();
  }
}

describe('openInside()', () => {
  test('makes what is missing, and follows links that stay inside', async () => {
    const base = await directory();
    await mkdir(join(base, 'real/deep'), { recursive: true });
    await writeFile(join(base, 'file'), '');
    await symlink('real', join(base, 'link'));
    await symlink('../../real', join(base, 'real/deep/up'));
    await symlink(join(base, 'real'), join(base, 'absolute'));
    await symlink(base, join(base, 'self'));
    const found = ['a/b', 'link/x', 'real/deep/up/x', 'absolute/x', 'self/./file', '.'];
    expect(await Promise.all(found.map((path) => resolve(base, path)))).toEqual([
      join(base, 'a/b'),
      ...[1, 2, 3].map(() => join(base, 'real/x')),
      join(base, 'file'),
      base,
    ]);
    expect((await stat(join(base, 'real/x'))).isDirectory()).toBe(true);
  });

  test('makes directories as open to others as the volume is', async () => {
    const base = await directory();
    await chmod(base, 0o2777);
    await resolve(base, 'a/b');
    const modes = ['a', 'a/b'].map(async (path) => (await stat(join(base, path))).mode & 0o7777);
    expect(await Promise.all(modes)).toEqual([0o2777, 0o2777]);
  });

  test.each([
    { name: 'a link to the host', path: 'out', want: 'outside' },
    { name: 'a link to the host on the way', path: 'out/passwd', want: 'outside' },
    { name: 'a link above the volume', path: 'up', want: 'outside' },
    { name: 'a link above from below', path: 'deep/out', want: 'outside' },
    { name: 'a link to a link that leads out', path: 'twice', want: 'outside' },
    { name: 'a link to a neighbour with a longer name', path: 'near', want: 'outside' },
    { name: 'a link to itself', path: 'loop', want: 'too many' },
    { name: 'steps back', path: 'a/../../x', want: 'relative' },
    { name: 'only a step back', path: '..', want: 'relative' },
    { name: 'an absolute path', path: '/etc', want: 'relative' },
  ])('refuses $name', async ({ path, want }) => {
    const base = await directory();
    await mkdir(join(base, 'deep'));
    await symlink('/etc', join(base, 'out'));
    await symlink('../..', join(base, 'up'));
    await symlink('../../etc', join(base, 'deep/out'));
    await symlink('out', join(base, 'twice'));
    await symlink(`${base}-near`, join(base, 'near'));
    await symlink('loop', join(base, 'loop'));
    const error: unknown = await resolve(base, path).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SubPathError);
    expect((error as Error).message).toContain(want);
  });

  test('goes no further than a file', async () => {
    const base = await directory();
    await writeFile(join(base, 'file'), '');
    await expect(resolve(base, 'file/below')).rejects.toThrow('ENOTDIR');
  });

  test('follows links of another root there, as for the host seen from a container', async () => {
    const root = await directory();
    await mkdir(join(root, 'data'));
    await symlink('/data/real', join(root, 'data/link'));
    expect(await resolve('/data', 'link', root)).toBe(join(root, 'data/real'));
  });

  test.each([
    { name: 'a link for a link', script: swapLinks },
    { name: 'a directory for a link', script: swapDirectory },
  ])('never leaves its volume while a container swaps $name', async (row) => {
    const parent = await directory();
    const [base, host] = [join(parent, 'volume'), join(parent, 'host')];
    await mkdir(join(base, 'good'), { recursive: true });
    await mkdir(host);
    await symlink('good', join(base, 'x'));
    const attacker = new Worker(
      `(${row.script})(require('node:fs'), ${JSON.stringify({ base, host })})`,
      {
        eval: true,
      },
    );
    onTestFinished(async () => void (await attacker.terminate()));
    const seen = { inside: 0, refused: 0, lost: 0 };
    // It is a race: each side wins now and then.
    const isOver = () => seen.inside > 0 && seen.refused > 0;
    const deadlineMs = Date.now() + LOOKS_MS_MAX;
    for (let look = 0; look < LOOKS || (!isOver() && Date.now() < deadlineMs); look++) {
      try {
        const found = await resolve(base, 'x/sub');
        expect(found.startsWith(`${base}/`) || found.endsWith('(deleted)')).toBe(true);
        seen.inside++;
      } catch (error) {
        if (error instanceof SubPathError) seen.refused++;
        else if ((error as NodeJS.ErrnoException).code !== undefined) seen.lost++;
        else throw error;
      }
    }
    await attacker.terminate();
    expect(await lstat(join(host, 'sub')).catch(() => undefined)).toBeUndefined();
    expect(seen.inside).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
  });
});

type Files = typeof import('node:fs');
type Places = { readonly base: string; readonly host: string };

/** Runs in a thread of its own, until that is ended: an honest link and a hostile one take turns. */
function swapLinks(fs: Files, { base, host }: Places): void {
  for (let turn = 0; ; turn++) {
    fs.rmSync(`${base}/next`, { force: true });
    fs.symlinkSync(turn % 2 === 0 ? 'good' : host, `${base}/next`);
    fs.renameSync(`${base}/next`, `${base}/x`);
  }
}

function swapDirectory(fs: Files, { base, host }: Places): void {
  for (let turn = 0; ; turn++) {
    try {
      fs.rmSync(`${base}/x`, { recursive: true, force: true });
      if (turn % 2 === 0) fs.mkdirSync(`${base}/x`);
      else fs.symlinkSync(host, `${base}/x`);
    } catch {
      // The kubelet has just made something there.
    }
  }
}

describe('bindSubPath()', () => {
  const place = { volume: 'v', container: 'c', index: 0 };

  test('binds what was opened, once, and again when it is another file', async () => {
    const parent = await directory();
    const base = join(parent, 'volume');
    await mkdir(base);
    await writeFile(join(base, 'file'), 'one');
    const target = subPathTarget(join(parent, 'pod'), place);
    const bind = () => bindSubPath({ base, root: '', subPath: 'file', target }, runHostCommand);
    await bind();
    await bind();
    expect(await mountsBelow(parent)).toEqual([target]);
    await writeFile(join(base, 'fresh'), 'two');
    await rename(join(base, 'fresh'), join(base, 'file'));
    expect(await readFile(target, 'utf8')).toBe('one');
    await bind();
    expect(await readFile(target, 'utf8')).toBe('two');
    expect(await mountsBelow(parent)).toEqual([target]);
    await removeDirectory(join(parent, 'pod'), runHostCommand);
    expect(await readFile(join(base, 'file'), 'utf8')).toBe('two');
  });

  test('keeps what was opened when the path is swapped afterwards', async () => {
    const parent = await directory();
    const base = join(parent, 'volume');
    await mkdir(join(base, 'x'), { recursive: true });
    await writeFile(join(base, 'x/name'), 'mine');
    const target = subPathTarget(join(parent, 'pod'), place);
    await bindSubPath({ base, root: '', subPath: 'x', target }, async (command, args) => {
      await rename(join(base, 'x'), join(base, 'y'));
      await symlink('/etc', join(base, 'x'));
      return runHostCommand(command, args);
    });
    expect(await readFile(join(target, 'name'), 'utf8')).toBe('mine');
  });

  test('binds a path of the engine’s host where the engine looks, and it goes from both', async () => {
    const parent = await directory();
    // As the cluster's directory: shared between this mount namespace and the engine's.
    await runHostCommand('mount', ['--bind', parent, parent]);
    await runHostCommand('mount', ['--make-shared', parent]);
    const pid = await otherNamespace();
    const enter = (...command: string[]) =>
      runHostCommand('nsenter', ['--target', String(pid), '--mount', ...command]);
    await enter('mount', '-t', 'tmpfs', 'tmpfs', '/mnt');
    await enter('mkdir', '-p', '/mnt/data/sub');
    await enter('sh', '-c', 'echo host > /mnt/data/sub/name');
    const target = subPathTarget(join(parent, 'pod'), place);
    const root = `/proc/${pid}/root`;
    await bindSubPath({ base: '/mnt/data', root, subPath: 'sub', target }, runHostCommand);
    expect(await enter('cat', join(target, 'name'))).toBe('host\n');
    expect(await readFile(join(target, 'name'), 'utf8')).toBe('host\n');
    await removeDirectory(join(parent, 'pod'), runHostCommand);
    // Others on this machine have some of their own.
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
    expect(mounts).not.toContain(join(parent, 'pod'));
    expect(await enter('cat', '/mnt/data/sub/name')).toBe('host\n');
  });
});

/** Pid of a process that has a mount namespace of its own, as the engine has one. */
async function otherNamespace(): Promise<number> {
  const script = 'mount --make-slave / 2>/dev/null; echo up; exec sleep 60';
  const child: ChildProcess = spawn(
    'unshare',
    ['--mount', '--propagation', 'unchanged', 'sh', '-c', script],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  if (child.stdout === null) throw new Error('No output to wait for');
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}
