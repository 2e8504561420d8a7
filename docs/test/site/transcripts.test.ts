// Transcripts of the fixture's lab, made by really running its tests.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadLab } from '../../src/course/load-lab.ts';
import { SiteError } from '../../src/site/problems.ts';
import { makeTranscripts } from '../../src/site/transcripts.ts';
import { FIXTURE } from './support/fixture.ts';

const TIMEOUT_MS = 600_000;
/** The sources under test import packages, so they lie inside the repository, in a folder that git ignores. */
const ours = resolve(import.meta.dirname, '../../../.kube-labs');
let cacheFolder = '';

beforeAll(() => {
  mkdirSync(ours, { recursive: true });
  cacheFolder = mkdtempSync(join(ours, 'site-test-'));
});
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

const lab = loadLab(join(FIXTURE, 'labs/01-tiny'));
const [first, second] = lab.steps;

test('red is what a step begins with, green what it ends with; the next build takes both from the cache', {
  timeout: TIMEOUT_MS,
}, async () => {
  const runs: number[] = [];
  const options = { cacheFolder, onRun: (count: number) => runs.push(count) };
  const made = await makeTranscripts([lab], options);
  const red = made.of(lab, first!, 'red');
  expect(red).toContain('○ A count goes up by what is added');
  expect(red).toContain('0 passed, 1 not written, 1 not reached');
  const green = made.of(lab, second!, 'green');
  expect(green).toContain('✓ Words come back in order');
  expect(green).toMatch(/✓ step 1 · Counting +2 tests/);
  expect(green).not.toMatch(/\d ms/);
  const again = await makeTranscripts([lab], options);
  expect(again.of(lab, first!, 'red')).toBe(red);
  expect(runs).toEqual([4]);
  expect(readdirSync(cacheFolder).filter((name) => !name.endsWith('.txt'))).toEqual([]);
});

test('a step that asks for nothing fails the build, and is named', {
  timeout: TIMEOUT_MS,
}, async () => {
  const steps = [first!, { ...second!, owns: [] }];
  const error = await makeTranscripts([{ ...lab, steps }], { cacheFolder }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SiteError);
  expect(String(error)).toContain(
    '01-tiny/2-words/red: passes with steps 1 to 1 alone, so it asks for nothing',
  );
});
