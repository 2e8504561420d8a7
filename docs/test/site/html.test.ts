// html`…`: what is text stays text.
import { expect, test } from 'vitest';
import { html, raw, textOf } from '../../src/site/html.ts';

test('html`` escapes what is put into it, also in attributes', () => {
  const title = 'a < b && "c"';
  expect(html`<p title="${title}">${title}</p>`.toString()).toBe(
    '<p title="a &lt; b &amp;&amp; &quot;c&quot;">a &lt; b &amp;&amp; &quot;c&quot;</p>',
  );
});

test('html`` joins lists, keeps markup, and shows nothing for undefined and false', () => {
  const items = ['a', 'b'].map((item) => html`<li>${item}</li>`);
  expect(html`<ul>${items}${undefined}${false}${0}</ul>`.toString()).toBe(
    '<ul><li>a</li><li>b</li>0</ul>',
  );
});

test('textOf() gives the words of markup', () => {
  expect(textOf(raw('<p>a &lt; <b>b</b></p>\n<p>c&amp;lt;</p>'))).toBe('a < b c&lt;');
});
