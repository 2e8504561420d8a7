// KeyLives: the worked example of key-index.ts as a KeyIndex, and the lives of a key as one line.
import { KeyIndex } from '#src/key-index.ts';
import type { KeyValue } from '#src/kv.ts';
import { bytes } from './store-helpers.ts';

export const version = (modRevision: number): KeyValue => ({
  key: 'k',
  value: bytes('v'),
  createRevision: 1,
  modRevision,
  version: 1,
  lease: '0',
});

/** put at 2, put at 4, delete at 6, put at 7, put at 9 */
export function exampleKey(): KeyIndex {
  const index = new KeyIndex();
  index.put(version(2));
  index.put(version(4));
  index.tombstone(6);
  index.put(version(7));
  index.put(version(9));
  return index;
}

/** As in the lesson: { 2 4 6 } { 7 9 }. */
export const lives = (index: KeyIndex): string =>
  index
    .describe()
    .map((revisions) => `{ ${revisions.join(' ')} }`)
    .join(' ');
