// The class as data: who joins, what a report changes, and what the board shows of it.
import { describe, expect, test } from 'vitest';
import {
  type Board,
  boardOf,
  ClassError,
  type Classroom,
  join,
  LEARNERS_MAX,
  leave,
  median,
  parseProgress,
  record,
  setHand,
} from '../../src/teach/classroom.ts';

const MINUTE = 60_000;
const FIRST = '01-store/1-revisions';
const SECOND = '01-store/2-ranges';
const plan = [
  { key: FIRST, title: 'Revisions', minutes: 40 },
  { key: SECOND, title: 'Ranges', minutes: 20 },
];
const empty: Classroom = { code: 'ABC234', boardKey: 'key', learners: [] };

function classOf(...names: string[]): Classroom {
  return names.reduce(
    (room, name) => join(room, { id: name, name, tokenHash: `hash of ${name}` }, 0),
    empty,
  );
}

const failing = (room: Classroom, id: string, step: string, tests: string[], atMinutes: number) =>
  record(room, id, { step, passed: false, failing: tests }, atMinutes * MINUTE);
const passing = (room: Classroom, id: string, step: string, atMinutes: number) =>
  record(room, id, { step, passed: true, failing: [] }, atMinutes * MINUTE);
const lines = ({ rows }: Board) => rows.map((row) => `${row.name} ${row.state}`);

describe('join()', () => {
  test.each([
    { name: 'an empty name', given: '', status: 400 },
    { name: 'only blanks and control characters', given: ' \u0007\n\u200b ', status: 400 },
    { name: 'a name that is too long', given: 'x'.repeat(41), status: 400 },
    { name: 'a name that is no text', given: 7, status: 400 },
    { name: 'a name that another has, in other letters', given: 'ADA', status: 409 },
  ])('refuses $name', ({ given, status }) => {
    const error = refused(() => join(classOf('Ada'), { id: 'x', name: given, tokenHash: '' }, 0));
    expect(error.status).toBe(status);
  });

  test('keeps a name of any language, with its blanks put in order', () => {
    const room = join(empty, { id: 'x', name: ' 李  雷\t', tokenHash: '' }, 0);
    expect(room.learners.map(({ name }) => name)).toEqual(['李 雷']);
  });

  test('refuses one more than the class has room for', () => {
    const full = classOf(...Array.from({ length: LEARNERS_MAX }, (_, i) => `n${i}`));
    expect(refused(() => join(full, { id: 'x', name: 'x', tokenHash: '' }, 0)).status).toBe(503);
  });
});

test('leave() forgets a learner with all that is known', () => {
  const room = failing(classOf('Ada', 'Bob'), 'Ada', FIRST, ['1-revisions/2'], 1);
  expect(JSON.stringify(leave(room, 'Ada'))).not.toContain('Ada');
});

describe('parseProgress()', () => {
  const good = { step: FIRST, passed: false, failing: ['1-revisions/2'] };

  test('takes exactly what may travel, and nothing that comes with it', () => {
    expect(parseProgress({ ...good, output: 'secret' })).toEqual(good);
  });

  test.each([
    { name: 'no object', body: null },
    { name: 'a step that is a path', body: { ...good, step: '../../etc/passwd' } },
    { name: 'a step with markup', body: { ...good, step: 'a/<b>' } },
    { name: 'passed as a text', body: { ...good, passed: 'yes' } },
    { name: 'failing that is no list', body: { ...good, failing: 'all' } },
    { name: 'a failing test that is a sentence', body: { ...good, failing: ['my code prints x'] } },
    { name: 'too many failing tests', body: { ...good, failing: Array(101).fill('a/1') } },
  ])('refuses $name', ({ body }) => {
    expect(refused(() => parseProgress(body)).status).toBe(400);
  });
});

describe('boardOf()', () => {
  test('says who is new, works, is stuck, has passed and is away', () => {
    let room = classOf('new', 'working', 'stuck', 'passed', 'away');
    room = failing(room, 'away', FIRST, [], 0);
    room = failing(room, 'stuck', FIRST, ['1-revisions/1'], 60);
    room = failing(room, 'stuck', FIRST, ['1-revisions/1'], 79); // Seen, but nothing has changed.
    room = failing(room, 'working', FIRST, ['1-revisions/1'], 60);
    room = failing(room, 'working', FIRST, ['1-revisions/2'], 70);
    room = passing(room, 'passed', FIRST, 60);
    expect(lines(boardOf(room, plan, 81 * MINUTE))).toEqual([
      'stuck stuck',
      'away away',
      'new new',
      'passed passed',
      'working working',
    ]);
  });

  test('puts raised hands first, the longest first, and a passed step takes the hand down', () => {
    let room = classOf('a', 'b', 'c', 'd');
    room = setHand(room, 'c', true, 5 * MINUTE);
    room = setHand(room, 'b', true, 2 * MINUTE);
    room = setHand(room, 'b', true, 9 * MINUTE); // Raised twice is raised once.
    room = setHand(room, 'd', true, 1 * MINUTE);
    room = passing(room, 'd', FIRST, 3);
    const { rows } = boardOf(room, plan, 10 * MINUTE);
    expect(rows.map(({ name, handUpMinutes }) => `${name} ${handUpMinutes}`)).toEqual([
      'b 8',
      'c 5',
      'a undefined',
      'd undefined',
    ]);
    expect(boardOf(setHand(room, 'b', false, 0), plan, 0).rows[0]?.name).toBe('c');
  });

  test('measures each step from its first word until it passes, and gives the median', () => {
    let room = classOf('a', 'b', 'c');
    for (const [name, minutes] of [
      ['a', 30],
      ['b', 50],
      ['c', 90],
    ] as const) {
      room = failing(room, name, FIRST, [], 10);
      room = passing(room, name, FIRST, 10 + minutes);
      room = passing(room, name, FIRST, 500); // Checked again later: the first pass counts.
    }
    room = failing(room, 'a', SECOND, ['2-ranges/1', '2-ranges/2'], 60);
    room = failing(room, 'b', SECOND, ['2-ranges/2'], 60);
    const [first, second] = boardOf(room, plan, 60 * MINUTE).steps;
    expect(first).toMatchObject({ here: 0, passed: 3, medianMinutes: 50, minutes: 40 });
    expect(second).toMatchObject({ here: 2, passed: 0, medianMinutes: undefined });
    expect(second?.hardest).toEqual([
      { id: '2-ranges/2', learners: 2 },
      { id: '2-ranges/1', learners: 1 },
    ]);
  });
});

test.each([
  { values: [], want: undefined },
  { values: [3], want: 3 },
  { values: [9, 1], want: 5 },
  { values: [9, 1, 2], want: 2 },
])('median() of $values is $want', ({ values, want }) => {
  expect(median(values)).toBe(want);
});

function refused(act: () => unknown): ClassError {
  try {
    act();
  } catch (error) {
    if (error instanceof ClassError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
