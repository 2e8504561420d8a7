// The built site in a folder.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BuiltSite } from '../../src/site/build.ts';
import { writeSite } from '../../src/site/write.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-labs-site-write-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const siteOf = (files: Record<string, string>): BuiltSite => ({
  files: new Map(Object.entries(files)),
  pageCount: 1,
  externalLinks: new Map(),
});

test('writeSite() writes files below their folders', () => {
  writeSite(siteOf({ 'index.html': 'a', 'zh/labs/x.html': 'b' }), folder);
  expect(readFileSync(join(folder, 'zh/labs/x.html'), 'utf8')).toBe('b');
});

test('writeSite() takes away what the site no longer has, and nothing else', () => {
  writeSite(siteOf({ 'index.html': 'a', 'old.html': 'b' }), folder);
  writeFileSync(join(folder, 'mine.txt'), 'kept');
  writeSite(siteOf({ 'index.html': 'c' }), folder);
  expect(existsSync(join(folder, 'old.html'))).toBe(false);
  expect(readFileSync(join(folder, 'index.html'), 'utf8')).toBe('c');
  expect(readFileSync(join(folder, 'mine.txt'), 'utf8')).toBe('kept');
});

test('writeSite() leaves a folder alone that it has not made', () => {
  writeFileSync(join(folder, 'thesis.txt'), 'years of work');
  expect(() => writeSite(siteOf({ 'index.html': 'a' }), folder)).toThrow(
    /it holds files that no build of the site has made; name an empty folder with --out/,
  );
  expect(existsSync(join(folder, 'index.html'))).toBe(false);
});
