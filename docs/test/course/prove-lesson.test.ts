import { describe, expect, test } from 'vitest';
import { loadLab } from '../../src/course/load-lab.ts';
import type { LessonMeta, Step } from '../../src/course/model.ts';
import { proveLesson } from '../../src/course/verify/prove-lesson.ts';
import { spoiledLab } from './support/fixtures.ts';

type Changes = Parameters<typeof spoiledLab>[0];

/** What the last test of step 2 says about itself. */
const META: LessonMeta = {
  idea: 'the latest are the newest, the newest first',
  invariant: 2,
  byHand: 'history | tail -2',
  symbols: ['src/history.ts#latest'],
};

function complaintsOf(changes: Changes, tests: readonly LessonMeta[] = [META]): readonly string[] {
  const lab = loadLab(spoiledLab(changes), { files: false });
  return proveLesson(lab, lab.steps[1] as Step, tests).complaints.map(({ what }) => what);
}

test('the texts of a step that fit have no complaint', () => {
  expect(complaintsOf({})).toEqual([]);
});

describe('the texts of a step', () => {
  const lesson = (old: string, text: string): Changes => ({
    'steps/2-history/lesson.md': [old, text],
  });
  const hints = (old: string, text: string): Changes => ({
    'steps/2-history/hints.md': [old, text],
  });

  test.each<[string, Changes, string]>([
    [
      'a section that is gone',
      lesson('## Predict', '### Predict'),
      'lesson.md has the sections Why, Keep true, Tasks',
    ],
    [
      'invariants that are not numbered',
      lesson('1. Nothing', '- Nothing'),
      '"the latest are the newest, the newest first" is about invariant 2',
    ],
    [
      'a task for a symbol of another step',
      lesson('src/history.ts#latest', 'src/report.ts#lines'),
      'a task for src/report.ts#lines, which the step does not own',
    ],
    [
      'a symbol without a task',
      lesson('- `src/history.ts#latest`', '- The latest'),
      'no task for src/history.ts#latest',
    ],
    [
      'a question without criteria',
      lesson('> Says', 'Says'),
      'the question "Why a sum?" has no answer criteria',
    ],
    [
      'two levels of hints',
      hints('### 3\n', ''),
      'the hints for src/history.ts#latest do not have three levels',
    ],
    [
      'a symbol without hints',
      hints('## src/history.ts#latest', '## src/history.ts#newest'),
      'no hints for src/history.ts#latest',
    ],
    [
      'a teacher without minutes',
      { 'steps/2-history/teach.md': ['## Minutes', '## Time'] },
      'teach.md has the sections Demonstrate, Common mistakes, When the class is stuck',
    ],
    [
      'a translation that lacks an invariant',
      { 'steps/2-history/lesson.zh.md': '# 历史\n\n## 为什么\n' },
      'lesson.zh.md has 0 invariants, lesson.md 2',
    ],
  ])('%s is found', (_name, changes, what) => {
    expect(complaintsOf(changes).join('\n')).toContain(what);
  });

  test.each<[string, Partial<LessonMeta>, string]>([
    ['an invariant that is not there', { invariant: 3 }, 'is about invariant 3'],
    [
      'a symbol that is gone',
      { symbols: ['src/history.ts#newest'] },
      'names src/history.ts#newest',
    ],
    ['no symbol', { symbols: [] }, 'names no symbol'],
    ['no command', { byHand: ' ' }, 'has no command'],
  ])('a test about %s is found', (_name, change, what) => {
    const meta = { ...META, ...change };
    expect(complaintsOf({}, [META, meta])).toEqual([expect.stringContaining(what)]);
  });
});
