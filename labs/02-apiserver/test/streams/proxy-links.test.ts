// Links in pages that pass a proxy: which are put right, and that it does not matter how a page was cut.
import { randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LinkRewriter, rewriteUrl } from '#src/server/proxy-links.ts';

const base = { prefix: '/p', ownHosts: ['10.0.0.1:80', 'api:6443'] };

function rewrite(pieces: readonly Buffer[]): string {
  const rewriter = new LinkRewriter(base);
  const out: Buffer[] = [];
  rewriter.on('data', (chunk: Buffer) => out.push(chunk));
  for (const piece of pieces) rewriter.write(piece);
  rewriter.end();
  let chunk: Buffer | null;
  do {
    chunk = rewriter.read() as Buffer | null;
    if (chunk !== null) out.push(chunk);
  } while (chunk !== null);
  return Buffer.concat(out).toString();
}

describe('rewriteUrl()', () => {
  test.each([
    ['/a', '/p/a'],
    ['/', '/p/'],
    ['/a?b=/c#/d', '/p/a?b=/c#/d'],
    ['a/b', 'a/b'],
    ['', ''],
    ['#here', '#here'],
    ['?q', '?q'],
    ['/p/a', '/p/a'],
    ['/page', '/p/page'],
    ['http://10.0.0.1:80/a', '/p/a'],
    ['https://api:6443/a', '/p/a'],
    ['//api:6443/a', '/p/a'],
    ['//else/a', '//else/a'],
    ['http://10.0.0.1:81/a', 'http://10.0.0.1:81/a'],
    ['mailto:a@b', 'mailto:a@b'],
    ['javascript:void(0)', 'javascript:void(0)'],
  ])('%j → %j', (url, want) => {
    expect(rewriteUrl(url, base)).toBe(want);
  });
});

const CASES: readonly [string, string][] = [
  ['<a href="/x">t</a>', '<a href="/p/x">t</a>'],
  ["<A HREF = '/x' title='it is > that'>", "<A HREF = '/p/x' title='it is > that'>"],
  ['<img src=/x alt=/y>', '<img src="/p/x" alt=/y>'],
  ['<a title=it\'s href="/x">', '<a title=it\'s href="/p/x">'],
  ['<p title="/x">1 < 2 and it\'s <b>so</b></p>', '<p title="/x">1 < 2 and it\'s <b>so</b></p>'],
  [
    '<script src="/s">a="<a href=\\"/x\\">"</script><a href="/y">',
    '<script src="/p/s">a="<a href=\\"/x\\">"</script><a href="/p/y">',
  ],
  [
    '<STYLE>a{background:url(/x)}</STYLE ><link href="/y"/>',
    '<STYLE>a{background:url(/x)}</STYLE ><link href="/p/y"/>',
  ],
  ['<!-- <a href="/x"> --><a href="/y">', '<!-- <a href="/x"> --><a href="/p/y">'],
  [
    '<!doctype html><html manifest="/m">İ ü 漢<a href="/x">',
    '<!doctype html><html manifest="/p/m">İ ü 漢<a href="/p/x">',
  ],
  ['<constructor href="/x">', '<constructor href="/x">'],
  ['text <a href="/never ended', 'text <a href="/never ended'],
  ['<script>never ended <a href="/x">', '<script>never ended <a href="/x">'],
];

describe('LinkRewriter', () => {
  test.each(CASES)('%s', (page, want) => {
    expect(rewrite([Buffer.from(page)])).toBe(want);
    const bytes = [...Buffer.from(page)].map((byte) => Buffer.from([byte]));
    expect(rewrite(bytes), 'byte by byte').toBe(want);
  });

  test('pages of all of it, cut at random, come out the same', () => {
    const seed = randomInt(2 ** 31);
    console.info(`seed ${seed}`);
    let state = seed;
    const random = (max: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (state >>> 8) % max;
    };
    // The last two never end, and would swallow what follows.
    const whole = CASES.slice(0, -2);
    for (let round = 0; round < 100; round += 1) {
      const parts = Array.from({ length: 20 }, () => whole[random(whole.length)] ?? ['', '']);
      let rest = Buffer.from(parts.map(([page]) => page).join('\n'));
      const pieces: Buffer[] = [];
      while (rest.length > 0) {
        const length = 1 + random(60);
        pieces.push(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
      expect(rewrite(pieces), `seed ${seed}`).toBe(parts.map(([, want]) => want).join('\n'));
    }
  });

  test('a tag that never ends is not kept for ever', () => {
    const rewriter = new LinkRewriter(base);
    let length = 0;
    rewriter.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    for (let count = 0; count < 10; count += 1) rewriter.write(`<a ${'x'.repeat(50_000)}`);
    expect(length).toBeGreaterThan(400_000);
  });
});
