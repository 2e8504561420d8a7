// The glossary's entries and the links to them.
import { describe, expect, test } from 'vitest';
import { type GlossaryEntry, parseGlossary, termLinks } from '../../src/site/glossary.ts';
import { renderMarkdown } from '../../src/site/markdown.ts';
import { Site } from '../../src/site/site.ts';
import { FIXTURE } from './support/fixture.ts';

const TEXT = `# Glossary

### Pod {#pod}
<!-- also: pods; except: pod race, POD -->

One or more \`containers\`. They share an address.

### Replication controller {#rc}
<!-- also: replication controllers -->

A loop.

### Controller {#controller}

Another loop.

### Name {#name}
<!-- link: no -->

What it is called.

### 租约（lease） {#lease}
<!-- also: 租约 -->

带时限的承诺。没有人续约就结束。
`;

const entries = parseGlossary(TEXT);

function link(text: string, among: readonly GlossaryEntry[] = entries): string {
  const path = 'labs/01-tiny/x.html';
  const terms = termLinks(among, { lang: 'en', path });
  const site = new Site(FIXTURE);
  const context = { site, file: 'x.md', lang: 'en' as const, path, headings: [] };
  return renderMarkdown(text, terms === undefined ? context : { ...context, terms }).toString();
}

const linked = (text: string): string[] =>
  [...link(text).matchAll(/<a class="term" href="[^"#]*#([^"]*)"[^>]*>([^<]*)</g)].map(
    ([, id, word]) => `${word}→${id}`,
  );

test('parseGlossary() reads ids, words and the first sentence', () => {
  expect(entries[0]).toEqual({
    id: 'pod',
    title: 'Pod',
    words: ['Pod', 'pods'],
    except: ['pod race', 'POD'],
    gist: 'One or more containers.',
  });
  expect(entries[3]?.words).toEqual([]);
  expect(entries[4]).toMatchObject({ words: ['租约', 'lease'], gist: '带时限的承诺。' });
});

describe('terms', () => {
  test.each([
    { name: 'where they first stand only', text: 'Pods. A pod, pods.', want: ['Pods→pod'] },
    {
      name: 'as the longest that fits',
      text: 'a replication controller',
      want: ['replication controller→rc'],
    },
    { name: 'each once', text: 'a pod and a lease', want: ['pod→pod', 'lease→lease'] },
    { name: 'not inside other words', text: 'podium tripod pod-like a.pod', want: [] },
    { name: 'not in code', text: '`pod` and\n\n    pod\n', want: [] },
    { name: 'not in headings', text: '## The pod', want: [] },
    { name: 'not in links', text: '[a pod](https://x.org)', want: [] },
    { name: 'not when they are too common', text: 'a name', want: [] },
    { name: 'in the middle of Chinese text', text: '这个租约到期了', want: ['租约→lease'] },
    {
      name: 'in tables, lists and emphasis',
      text: '| a |\n|---|\n| *pod* |\n\n- lease',
      want: ['pod→pod', 'lease→lease'],
    },
    { name: 'not in phrases that mean something else', text: 'a pod race, a POD', want: [] },
    { name: 'before a full stop', text: 'It is a pod.', want: ['pod→pod'] },
  ])('are linked $name', ({ text, want }) => {
    expect(linked(text)).toEqual(want);
  });

  test('show their first sentence, and lead to the glossary of the page’s language', () => {
    expect(link('a pod')).toContain(
      '<a class="term" href="../../glossary.html#pod" title="One or more containers.">pod</a>',
    );
  });

  test('are none without a glossary', () => {
    expect(link('a pod', [])).toBe('<p>a pod</p>\n');
  });
});
