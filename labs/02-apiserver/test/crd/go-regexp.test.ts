// Go's regular expressions: what they match, what is none, and that none takes for ever.
import { describe, expect, test } from 'vitest';
import { compileGoRegexp } from '#src/crd/go-regexp.ts';
import { Random } from '../contract/hostile/random.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const PATTERNS = 3000;

describe('compileGoRegexp()', () => {
  test.each([
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['^(a|bc)+$', 'abcbca', true],
    ['^a{2,3}$', 'aaaa', false],
    ['^a{2,}$', 'aaaa', true],
    ['^a{2}$', 'aa', true],
    ['a{,2}', 'a{,2}', true],
    ['^(?i:a)b$', 'Ab', true],
    ['^(?i:a)b$', 'AB', false],
    ['^a(?i)b|c$', 'xC', true],
    ['^a.c$', 'a\nc', false],
    ['(?s)^a.c$', 'a\nc', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^b$', 'a\nb\nc', false],
    ['\\bfoo\\b', 'a foo b', true],
    ['\\Bfoo', 'a foo b', false],
    ['^\\Qa.b*\\E+$', 'a.b**', true],
    ['^[^[:space:]x]$', ' ', false],
    ['^[[:^digit:]]$', '5', false],
    ['^\\pL\\p{Greek}\\PN$', 'aα-', true],
    ['^\\x{1F600}\\x41\\101$', '😀AA', true],
    ['^.$', '😀', true],
    ['^[\\w.-]+@[\\w-]+$', 'a.b-c@d', true],
    ['^[]a]$', ']', true],
    ['^[a-]$', '-', true],
    ['^\\s$', '\u00a0', false],
    ['^(|a)$', '', true],
    ['^(a*)*$', 'aaa', true],
    ['', 'anything', true],
  ])('%s on %j: %s', (pattern, text, want) => {
    expect(compileGoRegexp(pattern).test(text)).toBe(want);
  });

  test.each([
    ['(', 'missing closing )'],
    [')', 'unexpected )'],
    ['[a', 'missing closing ]'],
    ['*a', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator'],
    ['a{1001}', 'invalid repeat count'],
    ['a{3,2}', 'invalid repeat count'],
    ['[z-a]', 'invalid character class range'],
    ['\\y', 'invalid escape sequence: `\\y`'],
    ['(?=a)', 'invalid or unsupported Perl syntax'],
    ['(a)\\1', 'invalid escape sequence'],
    ['a\\', 'trailing backslash at end of expression'],
    ['((a{100}){100}){100}', 'expression too large'],
    ['('.repeat(5000), 'expression nests too deeply'],
  ])('%.20s is refused: %s', (pattern, message) => {
    expect(() => compileGoRegexp(pattern)).toThrow(SyntaxError);
    expect(() => compileGoRegexp(pattern)).toThrow(message);
  });

  test.each(['^(a+)+$', '^(a|a)*$', '(a*)*b', '^(a?){500}a{500}$', '(.*)(.*)(.*)(.*)x'])(
    '%s is soon through with a text that would keep an engine that goes back busy for ever',
    (pattern) => {
      expect(compileGoRegexp(pattern).test(`${'a'.repeat(3000)}!`)).toBe(false);
    },
  );

  test(`agrees with JavaScript wherever both know the pattern (seed ${SEED})`, () => {
    const random = new Random(SEED);
    for (let n = 0; n < PATTERNS; n += 1) {
      const pattern = generated(random, 3);
      const text = random.times(7, () => random.pick(['a', 'b', ' '])).join('');
      const want = new RegExp(pattern, 'u').test(text);
      expect([pattern, text, compileGoRegexp(pattern).test(text)]).toEqual([pattern, text, want]);
    }
  });
});

function generated(random: Random, depth: number): string {
  const inner = () => generated(random, depth - 1);
  switch (random.below(depth <= 0 ? 4 : 8)) {
    case 0:
    case 1:
      return random.pick(['a', 'b', 'ab']);
    case 2:
      return random.pick(['.', '[ab]', '[^a]', '\\w', '\\S']);
    case 3:
      return random.pick(['^', '$', '\\b', '\\B', '']);
    case 4:
      return `(?:${inner()})${random.pick(['*', '+', '?', '{0,2}', '{2}', '{1,}', '*?'])}`;
    case 5:
      return `(${inner()}|${inner()})`;
    default:
      return inner() + inner();
  }
}
