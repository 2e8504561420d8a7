import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KnownFiles } from '../../src/check/known-files.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-labs-known-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Until it shows: before Linux 6.13 the marks of a file move a few milliseconds at a time, and a person does not save as often. */
function change(file: string, text: string): void {
  const mark = () => statSync(file, { bigint: true }).ctimeNs;
  for (const before = mark(); mark() === before; ) writeFileSync(file, text);
}

test('look() tells what is not as it was at the last look', () => {
  const folder = newFolder();
  const [a, b, outside] = ['a.ts', 'b.ts', '../outside.ts'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(a, '1');
  writeFileSync(b, '1');
  const known = new KnownFiles();
  // Of the first look nobody knows what was before.
  expect(known.look([], [folder])).toBe('all');
  expect(known.look([a, b], [folder])).toEqual(new Set());
  change(b, '2');
  expect(known.look([a, b], [folder])).toEqual(new Set([b]));
  expect(known.look([a, b], [folder])).toEqual(new Set());
  // A file that is new to it has changed once, for what it was when it was read is not known.
  expect(known.look([a, b, outside], [folder])).toEqual(new Set([outside]));
  expect(known.look([a, b, outside], [folder])).toEqual(new Set());
});

test('look() tells that everything has changed when a file came, went, or was called otherwise', () => {
  const folder = newFolder();
  const known = new KnownFiles();
  known.look([], [folder]);
  writeFileSync(join(folder, 'a.ts'), '1');
  expect(known.look([], [folder])).toBe('all');
  expect(known.look([], [folder])).toEqual(new Set());
  renameSync(join(folder, 'a.ts'), join(folder, 'b.ts'));
  expect(known.look([], [folder])).toBe('all');
  rmSync(folder, { recursive: true });
  expect(known.look([], [folder])).toBe('all');
});
