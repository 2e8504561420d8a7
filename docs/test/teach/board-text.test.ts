// The board in a terminal: the same facts as on the page.
import { expect, test } from 'vitest';
import { boardText } from '../../src/teach/board-text.ts';
import { boardOf, type Classroom, join, record, setHand } from '../../src/teach/classroom.ts';

const MINUTE = 60_000;
const FIRST = '01-store/1-revisions';
const plan = [
  { key: FIRST, title: 'Revisions', minutes: 40 },
  { key: '01-store/2-ranges', title: 'Ranges', minutes: 45 },
];

function classOf(...names: string[]): Classroom {
  const empty: Classroom = { code: 'ABC234', boardKey: 'key', learners: [] };
  return names.reduce((room, name) => join(room, { id: name, name, tokenHash: name }, 0), empty);
}

test('boardText() says who is where, whose hand is up, and what fails', () => {
  const long = 'A name that is much too long for it';
  let room = classOf('Ada', 'Grace', long);
  room = record(room, 'Ada', { step: FIRST, passed: false, failing: ['1-revisions/2'] }, 0);
  room = record(room, 'Grace', { step: FIRST, passed: false, failing: [] }, 0);
  room = record(room, 'Grace', { step: FIRST, passed: true, failing: [] }, 30 * MINUTE);
  room = setHand(room, long, true, 10 * MINUTE);
  expect(boardText(boardOf(room, plan, 40 * MINUTE)).split('\n')).toEqual([
    'Class ABC234: 3 learners',
    '!> A name that is much too…  has joined                 ',
    '   Ada                       01-store/1-revisions       stuck 40 min: 1-revisions/2',
    '   Grace                     01-store/1-revisions       passed',
    '',
    'Step                            here  passed  planned  measured',
    '01-store/1-revisions               1       1     40 m      30 m',
    '  1-revisions/2 fails for 1',
  ]);
});

test('boardText() of a class without learners', () => {
  expect(boardText(boardOf(classOf(), plan, 0)).split('\n')).toEqual([
    'Class ABC234: 0 learners',
    '  nobody has joined yet',
  ]);
});
