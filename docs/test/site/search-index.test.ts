// The search: how words are cut, and what of a page can be found.
import { describe, expect, test } from 'vitest';
import { raw } from '../../src/site/html.ts';
import { searchSections, tokenize } from '../../src/site/search-index.ts';

declare global {
  var kubeLabsTokenizeQuery: (text: string) => string[];
}

describe('tokenize()', () => {
  test.each([
    {
      name: 'words, in lower case',
      text: 'The Log, and Recovery',
      want: ['the', 'log', 'and', 'recovery'],
    },
    {
      name: 'names whole and by their parts',
      text: 'KeyIndex.get',
      want: ['keyindex', 'key', 'index', 'get'],
    },
    {
      name: 'Chinese by characters and pairs',
      text: '修订号',
      want: ['修', '订', '号', '修订', '订号'],
    },
    { name: 'both in one text', text: '用etcd存储', want: ['etcd', '用', '存', '储', '存储'] },
    { name: 'numbers and flags', text: '--rev=5', want: ['rev', '5'] },
    { name: 'nothing', text: ' — … ', want: [] },
  ])('cuts $name', ({ text, want }) => {
    expect(tokenize(text)).toEqual(want);
  });

  test('a query asks for pairs of characters, and for one where there is one only', () => {
    expect(kubeLabsTokenizeQuery('修订号 租')).toEqual(['修订', '订号', '租']);
  });
});

describe('searchSections()', () => {
  test('cuts a page at its headings', () => {
    const main = raw('<p>Top.</p><h2 id="a">A<a class="anchor" href="#a">#</a></h2><p>Body.</p>');
    expect(searchSections(main, 'Page')).toEqual([
      { anchor: '', title: 'Page', text: 'Top.' },
      { anchor: 'a', title: 'A', text: 'Body.' },
    ]);
  });

  test('leaves out what folds, what is for the teacher, and what tests printed', () => {
    const main = raw(
      '<p>seen</p><details><summary>s</summary>hidden<details>deep</details>hidden</details>' +
        '<aside class="teacher note">told</aside><figure class="code transcript red">printed</figure><p>too</p>',
    );
    expect(searchSections(main, 'Page')[0]?.text).toBe('seen too');
  });
});
