// Names that the server makes up: as long as a name may be, of letters that nobody takes for others.
import { expect, test } from 'vitest';
import { generateName, newUid } from '#src/registry/object-name.ts';

test('a name is its base and five characters without vowels; a long base is cut to make room for them', () => {
  const names = Array.from({ length: 200 }, () => generateName('web-'));
  for (const name of names) expect(name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect(new Set(names).size).toBeGreaterThan(190);
  // Each of the 27 stands somewhere in a thousand places, but once in 10¹⁵ runs.
  expect(new Set(names.flatMap((name) => [...name.slice(4)])).size).toBe(27);
  const long = generateName('x'.repeat(100));
  expect(long).toMatch(/^x{58}[^x]?/);
  expect(long).toHaveLength(63);
});

test('every uid is another, in the form that the API has', () => {
  const uids = Array.from({ length: 10 }, newUid);
  expect(new Set(uids).size).toBe(10);
  for (const uid of uids) expect(uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
