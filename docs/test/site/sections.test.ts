// Sections of lessons and teacher's notes.
import { describe, expect, test } from 'vitest';
import {
  cutAtRules,
  cutSections,
  LESSON_SECTIONS,
  nameSections,
  parseLesson,
  parseTeaching,
} from '../../src/site/sections.ts';

describe('cutSections()', () => {
  test('cuts at headings of the level, and keeps what stands before the first', () => {
    const { head, sections } = cutSections('# A\nintro\n## B\nb\n### C\nc\n## D\n', 2);
    expect(head).toBe('# A\nintro');
    expect(sections).toEqual([
      { title: 'B', body: 'b\n### C\nc' },
      { title: 'D', body: '' },
    ]);
  });

  test('does not take a comment in a shell block for a heading', () => {
    const { sections } = cutSections('## A\n```sh\n## not me\n```\n~~~\n## nor me\n~~~\n## B\n', 2);
    expect(sections.map(({ title }) => title)).toEqual(['A', 'B']);
  });
});

test('cutAtRules() cuts at --- outside of fences', () => {
  expect(cutAtRules('a\n\n---\n\n```yaml\n---\nb: 1\n```\n---\n')).toEqual([
    'a',
    '```yaml\n---\nb: 1\n```',
    '',
  ]);
});

describe('nameSections()', () => {
  const section = (title: string) => ({ title, body: title });

  test('knows the English names, whatever their case', () => {
    const { named, others } = nameSections(
      [section('why'), section('Extra'), section('Keep true')],
      LESSON_SECTIONS,
    );
    expect([...named]).toEqual([
      ['Why', 'why'],
      ['Keep true', 'Keep true'],
    ]);
    expect(others.map(({ title }) => title)).toEqual(['Extra']);
  });

  test('knows the sections of a translation by their place', () => {
    const { named } = nameSections(
      ['一', '二', '三', '四', '五', '六', '七'].map(section),
      LESSON_SECTIONS,
    );
    expect(named.get('Keep true')).toBe('二');
    expect(named.get('Questions')).toBe('七');
  });

  test('guesses nothing when a translation has another number of sections', () => {
    expect(nameSections(['一', '二'].map(section), LESSON_SECTIONS).named.size).toBe(0);
  });
});

test('parseLesson() takes the title, the introduction and the sections', () => {
  const lesson = parseLesson('# Ranges\n\nShort.\n\n## Why\n\nBecause.\n');
  expect(lesson.title).toBe('Ranges');
  expect(lesson.intro).toBe('Short.');
  expect(lesson.named.get('Why')?.trim()).toBe('Because.');
});

test('parseTeaching() divides the notes from the slides', () => {
  const { named, slides } = parseTeaching('## Minutes\n\nTen.\n\n---\n\n# One\n\n---\n# Two\n');
  expect(named.get('Minutes')?.trim()).toBe('Ten.');
  expect(slides).toEqual(['# One', '# Two']);
});
