// DiffView: a unified diff as markup, file by file, with its lines coloured twice: as code, and as added or taken away.
import { parsePatch } from 'diff';
import { highlightLines } from './highlight.ts';
import { type Html, html, raw } from './html.ts';

interface FileDiff {
  /** As it is afterwards, without the `b/` that diffs put before it. */
  readonly path: string;
  readonly hunks: readonly Hunk[];
}

interface Hunk {
  /** The number of its first line afterwards. */
  readonly from: number;
  /** Each with its sign. */
  readonly lines: readonly string[];
}

export function renderDiff(diff: string, hrefOf: (path: string) => string): Html {
  return html`${parseDiff(diff).map(
    ({ path, hunks }) =>
      html`<figure class="code diff"><figcaption><a href="${hrefOf(path)}"><code>${path}</code></a></figcaption><pre tabindex="0"><code>${hunks.map(
        ({ from, lines }) => html`<span class="hunk">⋯ ${from}\n</span>${lines.map(renderLine)}`,
      )}</code></pre></figure>\n`,
  )}`;
}

export function parseDiff(diff: string): FileDiff[] {
  return parsePatch(diff).map(({ newFileName = '', hunks }) => ({
    path: newFileName.replace(/^b\//, ''),
    hunks: hunks.map(({ newStart, lines }) => ({ from: newStart, lines })),
  }));
}

function renderLine(line: string): Html {
  const sign = line.slice(0, 1);
  const kind = { '+': 'added', '-': 'removed' }[sign] ?? 'same';
  const [code = ''] = highlightLines(line.slice(1), 'ts');
  return html`<span class="${kind}"><span class="sign">${sign}</span>${raw(code)}\n</span>`;
}
