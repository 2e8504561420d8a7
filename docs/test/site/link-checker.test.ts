// The link checker, on pages made by hand.
import { expect, test } from 'vitest';
import { checkLinks } from '../../src/site/link-checker.ts';

const page = (file: string, markup: string) => ({ file, from: `${file}.md`, markup });

test('checkLinks() accepts what is there', () => {
  const pages = [
    page(
      'index.html',
      '<a href="a/b.html#x">b</a> <a href="#top"> <i id="top"></i> <img src="i.png">',
    ),
    page(
      'a/b.html',
      '<a href="../index.html">up</a> <p id="x"></p> <a href="https://etcd.io">out</a>',
    ),
  ];
  expect(checkLinks(pages, ['i.png'])).toEqual([]);
});

test('checkLinks() names page, source and link of what is not there', () => {
  const pages = [
    page('a/b.html', '<a href="c.html">c</a> <a href="#y">y</a> <script src="s.js"></script>'),
  ];
  expect(checkLinks(pages, [])).toEqual([
    { where: 'a/b.html (from a/b.html.md)', what: 'links to c.html, and the site has no a/c.html' },
    { where: 'a/b.html (from a/b.html.md)', what: 'links to #y, and a/b.html has no anchor #y' },
    { where: 'a/b.html (from a/b.html.md)', what: 'links to s.js, and the site has no a/s.js' },
  ]);
});

test('checkLinks() does not take code that shows a link for one', () => {
  expect(
    checkLinks([page('a.html', '<code>&lt;a href=&quot;x.html&quot;&gt;</code>')], []),
  ).toEqual([]);
});
