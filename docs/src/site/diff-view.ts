// DiffView: a unified diff as markup, file by file, with its lines coloured twice: as code, and as added or taken away.
import { highlightLines } from './highlight.ts';
import { type Html, html, raw } from './html.ts';

interface FileDiff {
  /** As it is afterwards, without the `b/` that diffs put before it. */
  readonly path: string;
  readonly lines: readonly string[];
}

export function renderDiff(diff: string, hrefOf: (path: string) => string): Html {
  return html`${parseDiff(diff).map(
    ({ path, lines }) =>
      html`<figure class="code diff"><figcaption><a href="${hrefOf(path)}"><code>${path}</code></a></figcaption><pre tabindex="0"><code>${lines.map(
        renderLine,
      )}</code></pre></figure>\n`,
  )}`;
}

export function parseDiff(diff: string): FileDiff[] {
  const files: { path: string; lines: string[] }[] = [];
  let inHunk = false;
  for (const line of diff.split('\n')) {
    if (/^(===|--- )/.test(line) && !inHunk) continue;
    // A hunk ends where the next file begins: the rule of `=` that the diff library draws.
    if (/^={60,}$/.test(line)) inHunk = false;
    else if (!inHunk && line.startsWith('+++ ')) {
      files.push({ path: line.slice(4).split('\t')[0]?.replace(/^b\//, '') ?? '', lines: [] });
    } else if (line.startsWith('@@')) {
      inHunk = true;
      files.at(-1)?.lines.push(line);
    } else if (inHunk && /^[ +-]/.test(line)) files.at(-1)?.lines.push(line);
  }
  return files;
}

const KINDS: Readonly<Record<string, string>> = { '+': 'added', '-': 'removed', '@': 'hunk' };

function renderLine(line: string): Html {
  const sign = line.slice(0, 1);
  const kind = KINDS[sign] ?? 'same';
  if (kind === 'hunk') return html`<span class="hunk">${hunkName(line)}\n</span>`;
  const [code = ''] = highlightLines(line.slice(1), 'ts');
  return html`<span class="${kind}"><span class="sign">${sign}</span>${raw(code)}\n</span>`;
}

/** `@@ -12,7 +12,20 @@` says to a reader: from line 12. */
function hunkName(line: string): string {
  return `⋯ ${/\+(\d+)/.exec(line)?.[1] ?? ''}`;
}
