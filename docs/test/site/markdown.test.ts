// The rules that the site adds to Markdown.
import { describe, expect, test } from 'vitest';
import { highlightLines } from '../../src/site/highlight.ts';
import {
  type MarkdownContext,
  renderMarkdown,
  slugOf,
  withoutComments,
} from '../../src/site/markdown.ts';
import { Site } from '../../src/site/site.ts';
import { FIXTURE } from './support/fixture.ts';

function contextFor(more: Partial<MarkdownContext> = {}): MarkdownContext {
  const site = new Site(FIXTURE);
  site.addDocument('docs/architecture.md', 'architecture.html');
  return { site, file: 'docs/pages/x.md', lang: 'en', path: 'x.html', headings: [], ...more };
}

const render = (text: string, more: Partial<MarkdownContext> = {}): string =>
  renderMarkdown(text, contextFor(more)).toString();

describe('headings', () => {
  test('get the id that GitHub gives them', () => {
    expect(slugOf('In real Kubernetes: what `kubectl` says')).toBe(
      'in-real-kubernetes-what-kubectl-says',
    );
    expect(render('## What’s new?')).toContain('<h2 id="whats-new">');
  });

  test('take the id that is written behind them, and do not show it', () => {
    const context = contextFor();
    const markup = renderMarkdown('### Pod（容器组） {#pod}', context).toString();
    expect(markup).toContain('<h3 id="pod">Pod（容器组）<a');
    expect(context.headings).toEqual([{ level: 3, id: 'pod', title: 'Pod（容器组）' }]);
  });

  test('of the same text get different ids', () => {
    const context = contextFor();
    renderMarkdown('## A\n\n## A\n\n## A', context);
    expect(context.headings.map(({ id }) => id)).toEqual(['a', 'a-1', 'a-2']);
  });
});

describe('links', () => {
  test('to a document lead to its page, with the anchor', () => {
    expect(render('[a](../architecture.md#source-files)')).toContain(
      'href="architecture.html#source-files"',
    );
  });

  test('to a source make a page for it', () => {
    const context = contextFor({ file: 'labs/01-tiny/README.md', path: 'labs/01-tiny/index.html' });
    expect(renderMarkdown('[a](src/counter.ts)', context).toString()).toContain(
      'href="../../source/labs/01-tiny/src/counter.ts.html"',
    );
    expect([...context.site.sources.keys()]).toEqual(['source/labs/01-tiny/src/counter.ts.html']);
  });

  test('on a page of another language stay in it', () => {
    expect(render('[a](../architecture.md)', { lang: 'zh', path: 'deep/x.html' })).toContain(
      'href="../architecture.html"',
    );
  });

  test.each(['nothing.md', '../../../etc/passwd', '../pages'])(
    'to %s: only what is in the repository is there',
    (href) => {
      const context = contextFor();
      renderMarkdown(`[a](${href})`, context);
      expect(context.site.problems.map(({ what }) => what)).toEqual(
        href === '../pages' ? [] : [expect.stringContaining(`links to ${href}`)],
      );
    },
  );

  test('that leave the site are listed and not followed', () => {
    const context = contextFor();
    expect(renderMarkdown('[a](https://etcd.io/x)', context).toString()).toContain(
      '<a href="https://etcd.io/x" rel="noreferrer">',
    );
    expect([...context.site.externalLinks.keys()]).toEqual(['https://etcd.io/x']);
  });
});

describe('code', () => {
  test('is coloured by its language, and never guessed', () => {
    expect(render('```ts\nconst a = 1;\n```')).toContain('hljs-keyword');
    expect(render('```\nconst a = 1 < 2;\n```')).toContain('<code>const a = 1 &lt; 2;</code>');
    expect(render('```cobol\nMOVE <A> TO B\n```')).toContain('MOVE &lt;A&gt; TO B');
  });

  test('that is indented is a shell when it begins with a command', () => {
    expect(render('    npm test   # all\n')).toContain('hljs-comment');
    expect(render('    NAME   STATUS # x\n')).not.toContain('hljs');
  });

  test('highlightLines() closes what spans lines, and opens it again', () => {
    const lines = highlightLines('/* a\n b */ const c = 1;', 'ts');
    expect(lines[0]).toBe('<span class="hljs-comment">/* a</span>');
    expect(lines[1]).toMatch(/^<span class="hljs-comment"> b \*\/<\/span> /);
  });

  test('in backticks becomes a link where the context knows it', () => {
    const markup = render('`src/a.ts` and `b`', {
      codeLink: (text) => (text === 'src/a.ts' ? 'source/a.html' : undefined),
    });
    expect(markup).toContain('<a class="code-link" href="source/a.html"><code>src/a.ts</code></a>');
    expect(markup).toContain('and <code>b</code>');
  });

  test('in backticks inside a link stays what it is', () => {
    const codeLink = (): string => 'source/a.html';
    expect(render('[`src/a.ts`](https://etcd.io)', { codeLink })).not.toContain('code-link');
  });
});

test('quotes fold under a summary when the context asks for it', () => {
  expect(render('> Because.', { foldQuotes: 'Answer' })).toBe(
    '<details class="answer"><summary>Answer</summary><div>\n<p>Because.</p>\n</div></details>\n',
  );
  expect(render('> Because.')).toContain('<blockquote>');
});

test('items of a numbered list get ids, by the number that they show', () => {
  const markup = render('1. one\n2. two\n   - inner', { numberItems: 'invariant' });
  expect(markup).toContain('<li id="invariant-1">one');
  expect(markup).toContain('<li id="invariant-2">two');
  expect(markup.match(/ id="/g)).toHaveLength(2);
});

test('HTML is text, comments are nothing, and a comment in a fence is code', () => {
  expect(render('<script>x</script>')).toContain('&lt;script&gt;');
  expect(withoutComments('a\n<!-- b\nc -->\nd\n```\n<!-- e -->\n```\n')).toBe(
    'a\n\nd\n```\n<!-- e -->\n```\n',
  );
});
