// What a component loads with the package.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');
const IMPORTS = /^(?:import|export)(?! type)[^;']* from '(\.[^']+)';/gm;

/** All files that are loaded with this one, itself included. */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(IMPORTS)) {
    loadedWith(join(dirname(file), path), found);
  }
  return found;
}

test('who imports the package for its client loads nothing of the server', () => {
  const loaded = [...loadedWith(join(SOURCES, 'index.ts'))].map((file) => relative(SOURCES, file));
  expect(loaded).toContain('client/transport.ts');
  expect(loaded.filter((file) => file.startsWith('server/'))).toEqual(['server/on-demand.ts']);
  expect(loaded.length).toBeLessThan(60);
});
