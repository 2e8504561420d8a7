// Terminal markdown: a lesson as it is read in a terminal: headings, wrapped paragraphs, lists, code, and code pulled from
// the reference.
//
// Left out: pictures, HTML, and transcripts, which the site's build makes: who reads here has the command itself at hand. A
// fenced block `ts pull src/a.ts#B` is filled by `pull`.
import MarkdownIt from 'markdown-it';
import { type Paint, wrap } from '../check/text.ts';
import { tableLines } from './terminal-table.ts';

export interface TerminalOptions {
  readonly width: number;
  readonly paint: Paint;
  /** The code of `src/a.ts#B`, with what else stood behind it (`stub`). */
  pull(ref: string, form: 'reference' | 'stub'): string;
}

type Token = ReturnType<InstanceType<typeof MarkdownIt>['parse']>[number];

const markdown = new MarkdownIt();

interface Frame {
  readonly indent: string;
  /** What stands before the first line of the next block: a bullet, a number. */
  bullet: string;
  number: number | undefined;
  /** Of a list: how many items began. */
  items: number;
}

export function toTerminal(text: string, options: TerminalOptions): string {
  const lines: string[] = [];
  const frames: Frame[] = [{ indent: '', bullet: '', number: undefined, items: 0 }];
  const put = (block: readonly string[], tight = false) => {
    const frame = frames.at(-1) as Frame;
    if (lines.length > 0 && !tight && lines.at(-1) !== '') lines.push('');
    for (const [index, line] of block.entries()) {
      const bullet = index === 0 ? frame.bullet : '';
      const before = bullet === '' ? frame.indent : frame.indent.slice(0, -bullet.length) + bullet;
      lines.push(`${before}${line}`.trimEnd());
    }
    frame.bullet = '';
  };
  const table: Table = { rows: undefined };
  const tokens = markdown.parse(text, {});
  for (const [index, token] of tokens.entries())
    place(token, { before: tokens[index - 1], frames, table, put, options });
  return `${lines.join('\n')}\n`;
}

/** The rows of the table that is open. */
interface Table {
  rows: string[][] | undefined;
}

interface Place {
  readonly before: Token | undefined;
  readonly frames: Frame[];
  readonly table: Table;
  readonly put: (block: readonly string[], tight?: boolean) => void;
  readonly options: TerminalOptions;
}

function place(token: Token, { before, frames, table, put, options }: Place): void {
  const frame = frames.at(-1) as Frame;
  const { width, paint } = options;
  switch (token.type) {
    case 'inline': {
      const text = inline(token);
      if (table.rows !== undefined) table.rows.at(-1)?.push(text);
      else if (before?.type === 'heading_open') put(heading(text, before.tag, options));
      // A paragraph that markdown hides belongs to a tight list: no empty lines between its items.
      else
        put(
          wrapped(text, width - frame.indent.length),
          before?.hidden === true && frames.length > 1 && listGoesOn(frames),
        );
      return;
    }
    case 'table_open':
      table.rows = [];
      return;
    case 'tr_open':
      table.rows?.push([]);
      return;
    case 'table_close': {
      const lines = tableLines(table.rows ?? [], { width: width - frame.indent.length, paint });
      table.rows = undefined;
      put(lines.map((line) => line.replaceAll(FIRM_BLANK, ' ')));
      return;
    }
    case 'fence':
    case 'code_block':
      if (token.info.trim().startsWith('transcript')) return;
      put(codeOf(token, options).map((line) => `    ${line}`));
      return;
    case 'hr':
      put([paint.dim('─'.repeat(Math.min(width, 40)))]);
      return;
    case 'bullet_list_open':
    case 'ordered_list_open':
      frames.push({
        indent: frame.indent,
        bullet: '',
        number:
          token.type === 'ordered_list_open' ? Number(token.attrGet('start') ?? 1) - 1 : undefined,
        items: 0,
      });
      return;
    case 'list_item_open': {
      if (frame.number !== undefined) frame.number += 1;
      frame.items += 1;
      const bullet = frame.number === undefined ? '- ' : `${frame.number}. `;
      frames.push({
        indent: frame.indent + ' '.repeat(bullet.length),
        bullet,
        number: undefined,
        items: 0,
      });
      return;
    }
    case 'blockquote_open':
      frames.push({ indent: `${frame.indent}  `, bullet: '', number: undefined, items: 0 });
      return;
    case 'list_item_close':
    case 'bullet_list_close':
    case 'ordered_list_close':
    case 'blockquote_close':
      frames.pop();
      return;
    default:
      return; // Opening and closing marks of paragraphs and headings say nothing more.
  }
}

/** Whether an item before this one has been put already. */
function listGoesOn(frames: readonly Frame[]): boolean {
  const list = frames.at(-2);
  return list !== undefined && list.items > 1;
}

function heading(text: string, tag: string, { width, paint }: TerminalOptions): string[] {
  const mark = tag === 'h3' ? '· ' : '';
  return wrapped(tag === 'h1' ? text.toUpperCase() : text, width - mark.length).map((line, index) =>
    paint.bold(`${index === 0 ? mark : ' '.repeat(mark.length)}${line}`),
  );
}

/** A blank that must not become the end of a line; it is one again after wrapping. */
const FIRM_BLANK = '\u0001';

/** The words of a paragraph; code keeps its backticks, for a terminal has one font only. */
function inline({ children }: Token): string {
  return (children ?? [])
    .map((child) => {
      if (child.type === 'softbreak' || child.type === 'hardbreak') return ' ';
      if (child.type === 'code_inline') return `\`${child.content.replaceAll(' ', FIRM_BLANK)}\``;
      return child.content;
    })
    .join('');
}

const wrapped = (text: string, width: number): string[] =>
  wrap(text, width).map((line) => line.replaceAll(FIRM_BLANK, ' '));

function codeOf(token: Token, { pull }: TerminalOptions): string[] {
  const [, kind, ref = '', form] = token.info.trim().split(/\s+/);
  const code = kind === 'pull' ? pull(ref, form === 'stub' ? 'stub' : 'reference') : token.content;
  return code.trimEnd().split('\n');
}
