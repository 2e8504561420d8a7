// Proofs beside each other: one never clears away what another still works on.
import { existsSync, mkdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { loadLab } from '../../src/course/load-lab.ts';
import { cacheFolder } from '../../src/course/repository.ts';
import { holds } from '../../src/course/verify/proof.ts';
import { verifyLab } from '../../src/course/verify/verify-lab.ts';
import { Workbench } from '../../src/course/verify/workbench.ts';
import { spoiledLab } from './support/fixtures.ts';

/** Higher than any that Linux or macOS gives out. */
const NOBODY = 2 ** 30;
const HOUR_MS = 3_600_000;

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A workbench as another process would have left it. */
function foundFolder(pid: number, ageMs: number): string {
  const folder = join(cacheFolder, `verify-${pid}-test${made.length}`);
  mkdirSync(join(folder, 'prefix-0/src'), { recursive: true });
  const time = new Date(Date.now() - ageMs);
  utimesSync(folder, time, time);
  made.push(folder);
  return folder;
}

describe('Workbench', () => {
  test.each([
    {
      name: 'clears away what a process left that is long gone',
      pid: NOBODY,
      ageMs: HOUR_MS,
      stays: false,
    },
    { name: 'leaves alone what was in use just now', pid: NOBODY, ageMs: 0, stays: true },
    {
      name: 'leaves alone what a living process has',
      pid: process.pid,
      ageMs: HOUR_MS,
      stays: true,
    },
  ])('$name', ({ pid, ageMs, stays }) => {
    const folder = foundFolder(pid, ageMs);
    new Workbench(loadLab(spoiledLab(), { files: false })).remove();
    expect(existsSync(folder)).toBe(stays);
  });
});

test('two proofs of the same lab at the same time both hold', async () => {
  const lab = loadLab(spoiledLab(), { files: false });
  const prove = () => verifyLab(lab, { cache: true, steps: [1] });
  const reports = await Promise.all([prove(), prove()]);
  for (const { proofs } of reports) {
    expect(proofs.filter((proof) => !holds(proof))).toEqual([]);
    expect(proofs.some(({ kind }) => kind === 'types')).toBe(true);
  }
}, 600_000);
