// Text: what fits a terminal: wrapped, indented, in color or without.

export interface Paint {
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export function paintIf(color: boolean): Paint {
  const paint = (name: keyof typeof CODES) => (text: string) =>
    color && text !== '' ? `\u001b[${CODES[name]}m${text}\u001b[0m` : text;
  return {
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    dim: paint('dim'),
    bold: paint('bold'),
  };
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;

/** How many columns a text takes; an East Asian character takes two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) width += WIDE.test(letter) ? 2 : 1;
  return width;
}

/**
 * Breaks at blanks, and beside East Asian characters, which have none between words. Anything else stays whole, also when it is
 * longer than a line, as paths and commands must.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    for (const [index, piece] of piecesOf(word).entries()) {
      const longer = index === 0 && line !== '' ? `${line} ${piece}` : line + piece;
      if (line !== '' && widthOf(longer) > width) {
        lines.push(line);
        line = piece;
      } else line = longer;
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** What does not begin a line, and what does not end one. */
const CLOSING = /[，。、；：！？）》】」』”’…—,.;:!?)\]]/;
const OPENING = /[（《【「『“‘([]/;

/** A word cut where a line may end within it: beside a wide character, but not before a full stop. */
function piecesOf(word: string): string[] {
  const pieces: string[] = [];
  let before = '';
  for (const letter of word) {
    const mayBreak =
      (WIDE.test(letter) || WIDE.test(before)) && !CLOSING.test(letter) && !OPENING.test(before);
    if (before === '' || mayBreak) pieces.push(letter);
    else pieces.push((pieces.pop() ?? '') + letter);
    before = letter;
  }
  return pieces;
}

/** `one · two`, and on to the next line where an item does not fit any more. */
export function wrapItems(items: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const longer = `${lines.at(-1) ?? ''} · ${item}`;
    if (lines.length > 0 && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(item);
  }
  return lines;
}

/** A blank that must not become the end of a line. */
const FIRM_BLANK = '\u0001';
/** With the words after it that are no prose: flags, names of files and symbols, numbers. */
const COMMAND =
  /npx lab [a-z-]+(?: (?:--[a-z-]+|mine|lab|step|course|'[^']*'|[\w$/-]*[#./\d][^\s,;:()]*))*/g;

/**
 * For what a command says: every line for itself, and a command in it is never broken in two. A line that begins with
 * blanks keeps them; the columns of a list (two blanks and more between words) stay as they are.
 */
export function wrapLines(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      const indent = /^\s*/.exec(line)?.[0] ?? '';
      if (widthOf(line) <= width || /\S\s{2,}\S/.test(line)) return [line];
      const firm = line.replace(COMMAND, (command) => command.replaceAll(' ', FIRM_BLANK));
      return wrap(firm, width - indent.length).map(
        (part) => `${indent}${part.replaceAll(FIRM_BLANK, ' ')}`,
      );
    })
    .join('\n');
}

/** `1 step`, `2 steps`. */
export const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? '' : 's'}`;
