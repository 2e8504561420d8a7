import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CourseError } from '../../src/course/course-error.ts';
import { findLabs, loadLab } from '../../src/course/load-lab.ts';
import { spoiledLab, temporaryFolder, tinyLab } from './support/fixtures.ts';

describe('loadLab()', () => {
  test('reads everything that lab.yaml says', () => {
    const lab = loadLab(tinyLab);
    expect(lab).toMatchObject({
      id: 'tiny-lab',
      folder: tinyLab,
      title: 'Tiny',
      titles: { en: 'Tiny', zh: '小' },
      contract: 2,
      changes: { 2: 'Counter.add refuses negative numbers.' },
      part: 'store',
      hide: [{ symbol: 'src/history.ts#newestFirst', until: 2 }],
    });
    expect(lab.steps.map(({ id, number, title }) => [id, number, title])).toEqual([
      ['1-count', 1, 'Counting'],
      ['2-history', 2, 'History'],
      ['3-report', 3, 'Reporting'],
    ]);
    expect(lab.steps[2]).toMatchObject({
      minutes: 40,
      tests: ['test/steps/3-report.test.ts'],
      owns: [
        { symbol: 'src/report.ts#formats.short' },
        { symbol: 'src/report.ts#lines' },
        { symbol: 'src/report.ts#notify', stub: '' },
      ],
    });
  });

  test.each<[string, readonly [string, string], RegExp]>([
    [
      'an unknown key',
      ['minutes: 20', 'mintues: 20'],
      /:10:5: item 1 of steps lacks `minutes`; it has id, title, mintues, owns/,
    ],
    [
      'an extra key',
      ['part: store', 'part: store\nport: 1'],
      /:9:1: unknown key `port` in the lab; known: lab, title/,
    ],
    ['a key without value', ['minutes: 20', 'minutes:'], /:12:\d+: minutes must be a whole number/],
    [
      'a wrong type',
      ['minutes: 20', 'minutes: [20]'],
      /:12:\d+: minutes must be a whole number, 1 or more/,
    ],
    [
      'text that is no YAML',
      ['minutes: 20', 'minutes: "20'],
      /lab\.yaml:\d+:\d+: Missing closing "quote/,
    ],
    [
      'a key twice',
      ['part: store', 'part: store\npart: x'],
      /lab\.yaml:9:1: Map keys must be unique/,
    ],
    [
      'another folder',
      ['lab: tiny-lab', 'lab: other'],
      /the lab is called other, but its folder tiny-lab/,
    ],
    [
      'a step out of order',
      ['id: 2-history', 'id: 3-history'],
      /step 2 is called 2-some-name, not 3-history/,
    ],
    [
      'a step whose lesson is gone',
      ['id: 1-count', 'id: 1-counts'],
      /:10:\d+: step 1-counts lacks its file test\/steps\/1-counts\.test\.ts/,
    ],
    [
      'no English title',
      ['{ en: Tiny, zh: 小 }', '{ zh: 小 }'],
      /a title needs its English form, `en`/,
    ],
    ['a contract nobody explains', ['contract: 2', 'contract: 3'], /changes lacks `3`/],
    [
      'a symbol that does not exist',
      ['#latest', '#newest'],
      /:20:\d+: there is no newest in src\/history\.ts/,
    ],
    [
      'a symbol without body',
      ['counter.ts#Counter.add', 'counter.ts#Counter'],
      /:14:\d+: Counter \(line 5\) has no body/,
    ],
    [
      'a file that does not exist',
      ['src/history.ts#latest', 'src/histroy.ts#latest'],
      /there is no file src\/histroy\.ts/,
    ],
    [
      'no symbol at all',
      ['src/history.ts#latest', 'latest'],
      /`latest` is no symbol; write src\/file\.ts#Name/,
    ],
    [
      'two owners',
      ['src/history.ts#latest', 'src/counter.ts#Counter.add'],
      /src\/counter\.ts#Counter\.add has two owners: step 1-count and step 2-history/,
    ],
    [
      'owned and hidden',
      ['symbol: src/history.ts#newestFirst', 'symbol: src/history.ts#latest'],
      /has two owners: step 2-history and `hide`/,
    ],
    [
      'one inside the other',
      ['symbol: src/history.ts#newestFirst', 'symbol: src/history.ts#History'],
      /src\/history\.ts#History and src\/history\.ts#History\.push have text in common/,
    ],
    ['hidden for ever', ['until: 2', 'until: 4'], /there are only 3 steps/],
    ['a stub that is no text', ['stub: "" }', 'stub: 1 }'], /stub must be text/],
  ])('refuses %s, and says where', (_name, change, message) => {
    const folder = spoiledLab({ 'lab.yaml': change });
    const load = () => loadLab(folder);
    expect(load).toThrow(CourseError);
    expect(load).toThrow(message);
  });

  test('a step without its lesson is refused, unless the caller looks for files itself', () => {
    const folder = spoiledLab();
    rmSync(join(folder, 'steps/2-history/lesson.md'));
    expect(() => loadLab(folder)).toThrow(
      'step 2-history lacks its file steps/2-history/lesson.md',
    );
    expect(loadLab(folder, { files: false }).steps).toHaveLength(3);
  });

  test('a function whose type depends on its body is refused: its stub would have another', () => {
    const folder = spoiledLab({
      'src/history.ts': ['count: number): readonly number[] =>', 'count: number) =>'],
    });
    expect(() => loadLab(folder)).toThrow('latest does not state its return type');
  });

  test('a folder without lab.yaml is no lab', () => {
    expect(() => loadLab(temporaryFolder())).toThrow('there is no lab.yaml here');
  });
});

test('findLabs() finds the labs that have a lab.yaml, in order', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'labs/00-empty'), { recursive: true });
  cpSync(tinyLab, join(root, 'labs/tiny-lab'), { recursive: true });
  expect(findLabs(root).map(({ id }) => id)).toEqual(['tiny-lab']);
});
