// Supervisor: real processes that die, fail, stop and do not listen.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LogFile } from '../src/log-file.ts';
import type { Program } from '../src/programs.ts';
import { type ProgramState, restartDelayMs, Supervisor } from '../src/supervisor.ts';

let dir: string;
const running: Supervisor[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'supervisor-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((supervisor) => supervisor.stop()));
  rmSync(dir, { recursive: true });
});

function supervise(programs: Program[], stopGraceMs = 500) {
  const changes: (readonly ProgramState[])[] = [];
  const supervisor = new Supervisor(programs, {
    openLog: (name) => new LogFile(join(dir, `${name}.log`)),
    onChange: (states) => changes.push(states),
    say: () => {},
    stopGraceMs,
  });
  running.push(supervisor);
  supervisor.start();
  return {
    supervisor,
    changes,
    log: (name: string) => readFileSync(join(dir, `${name}.log`), 'utf8'),
  };
}

const sh = (name: string, script: string): Program => ({ name, command: ['sh', '-c', script] });

describe('restartDelayMs()', () => {
  test.each([
    { name: 'starts small', previous: 0, ran: 5, want: 100 },
    { name: 'doubles', previous: 100, ran: 5, want: 200 },
    { name: 'has an end', previous: 4_000, ran: 5, want: 5_000 },
    { name: 'is forgotten after a quiet time', previous: 5_000, ran: 10_000, want: 100 },
  ])('$name', ({ previous, ran, want }) => {
    expect(restartDelayMs(previous, ran)).toBe(want);
  });
});

test('Supervisor starts a program again after SIGKILL and keeps what it said', async () => {
  const { supervisor, log } = supervise([sh('a', 'echo hello from $$; exec sleep 60')]);
  const pid = supervisor.state()[0]?.pid ?? 0;
  await vi.waitFor(() => expect(log('a')).toContain(`hello from ${pid}`));
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => {
    const [state] = supervisor.state();
    expect(state).toMatchObject({ state: 'running', restarts: 1, lastExit: 'signal SIGKILL' });
    expect(log('a')).toContain(`hello from ${state?.pid}`);
    expect(state?.pid).not.toBe(pid);
  });
});

test('Supervisor reports a program that keeps failing, and one that does not exist', async () => {
  const { supervisor } = supervise([
    sh('bad', 'exit 3'),
    { name: 'none', command: ['/no/such/program'] },
    sh('good', 'exec sleep 60'),
  ]);
  await vi.waitFor(() => {
    const [bad, none, good] = supervisor.state();
    expect(bad?.restarts).toBeGreaterThanOrEqual(2);
    expect(bad?.lastExit).toBe('exit code 3');
    expect(none?.lastExit).toMatch(/ENOENT/);
    expect(good).toMatchObject({ state: 'running', restarts: 0 });
  });
});

test('Supervisor.stop() ends programs with SIGTERM, and with SIGKILL those that do not listen', async () => {
  // Who listens has a minute for it, so that no machine is too slow.
  const polite = supervise(
    [sh('polite', 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done')],
    60_000,
  );
  const deaf = supervise([sh('deaf', 'trap "" TERM; echo ready; while :; do sleep 0.05; done')]);
  await vi.waitFor(() => expect(polite.log('polite') + deaf.log('deaf')).toBe('ready\nready\n'));
  await Promise.all([polite.supervisor.stop(), deaf.supervisor.stop()]);
  expect(polite.log('polite')).toContain('bye');
  expect(polite.supervisor.state()).toMatchObject([{ state: 'stopped', lastExit: 'exit code 0' }]);
  expect(deaf.supervisor.state()).toMatchObject([{ state: 'stopped', lastExit: 'signal SIGKILL' }]);
});

test('LogFile keeps one full file and never grows beyond its bound', () => {
  const path = join(dir, 'x.log');
  const file = new LogFile(path, 10);
  for (const text of ['123456', 'abcdef', 'ABCDEF']) file.write(Buffer.from(text));
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('ABCDEF');
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('abcdef');
});
