// A log that is followed over the end of a file: entries that the engine repeats are left out, whole lines or pieces of them.

import { expect, test } from 'vitest';
import { DockerLogEntries } from '#src/runtime/docker/docker-log-entries.ts';

type Piece = readonly ['stdout' | 'stderr', string, boolean?];

function read(pieces: readonly Piece[], timestamps = false): string {
  const entries = new DockerLogEntries({ timestamps });
  const taken = pieces.map(([stream, text, isComplete = true]) =>
    entries.take({ stream, payload: Buffer.from(text), isComplete }),
  );
  return Buffer.concat(taken.filter((one) => one !== undefined)).toString();
}

test.each<{ what: string; pieces: readonly Piece[]; want: string }>([
  {
    what: 'lines as they come',
    pieces: [
      ['stdout', 'T1 a\n'],
      ['stdout', 'T2 b c\n'],
    ],
    want: 'a\nb c\n',
  },
  {
    what: 'lines that come again once',
    pieces: [
      ['stdout', 'T1 a\n'],
      ['stdout', 'T2 b\n'],
      ['stdout', 'T1 a\n'],
      ['stdout', 'T2 b\n'],
      ['stdout', 'T3 c\n'],
    ],
    want: 'a\nb\nc\n',
  },
  {
    what: 'each stream by itself',
    pieces: [
      ['stdout', 'T2 a\n'],
      ['stderr', 'T1 b\n'],
      ['stderr', 'T1 b\n'],
    ],
    want: 'a\nb\n',
  },
  {
    what: 'the pieces of a long line, which share its time',
    pieces: [
      ['stdout', 'T1 aa'],
      ['stdout', 'T1 bb'],
      ['stdout', 'T1 c\n'],
      ['stdout', 'T1 c\n'],
      ['stdout', 'T2 d\n'],
    ],
    want: 'aabbc\nd\n',
  },
  {
    what: 'an entry that was cut on its way',
    pieces: [
      ['stdout', 'T', false],
      ['stdout', '1 a', false],
      ['stdout', '\n'],
      ['stdout', 'T1 a\n'],
    ],
    want: 'a\n',
  },
  { what: 'an empty line', pieces: [['stdout', 'T1 \n']], want: '\n' },
])('gives $what', ({ pieces, want }) => expect(read(pieces)).toBe(want));

test('keeps the times for whoever wants them', () => {
  const pieces: Piece[] = [
    ['stdout', 'T1 a\n'],
    ['stdout', 'T1 a\n'],
  ];
  expect(read(pieces, true)).toBe('T1 a\n');
});
