import { describe, expect, test } from 'vitest';
import { paintIf } from '../../src/check/text.ts';
import { toTerminal } from '../../src/lab/terminal-markdown.ts';

const shown = (text: string, width = 40) =>
  toTerminal(text, { width, paint: paintIf(false), pull: (ref) => `// ${ref}` });

describe('toTerminal()', () => {
  test('a table stands in columns', () => {
    const text = [
      'Before.',
      '',
      '| key | what it is |',
      '|---|---|',
      '| `a b` | one **thing** |',
      '| longer | 2 |',
      '',
      'After.',
    ].join('\n');
    expect(shown(text)).toBe(`Before.

key     what it is
──────  ──────────
\`a b\`   one thing
longer  2

After.
`);
  });

  test('a table that is too wide is wrapped in its cells', () => {
    const text = '| a | b |\n|---|---|\n| one | many words that do not fit on one line at all |\n';
    expect(shown(text, 30)).toBe(`a    b
───  ─────────────────────────
one  many words that do not
     fit on one line at all
`);
  });

  test('a long question is wrapped below its mark', () => {
    expect(shown('### Why is it that the store never forgets a revision?')).toBe(
      '· Why is it that the store never forgets\n  a revision?\n',
    );
  });

  test('a transcript is left out, pulled code is not', () => {
    const text = 'Run it:\n\n```transcript red\n```\n\n```ts pull src/a.ts#B\n```\n';
    expect(shown(text)).toBe('Run it:\n\n    // src/a.ts#B\n');
  });
});
