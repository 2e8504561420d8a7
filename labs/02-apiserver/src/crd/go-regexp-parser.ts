// go-regexp-parser: the text of a Go regular expression as a tree.
//
// Go's syntax is RE2's: no backreferences, no looking ahead, but flags inside (`(?i)`, `(?s:…)`), `\A`, `\z`, `\Q…\E`, `\pL` and POSIX
// classes. What one character may be is handed to a JavaScript class of exactly one character, so that Unicode is the machine's business.
// Which of two ways through a pattern is tried first (`a*` before or after going on: lazy) matters only to who asks where a match is.
//
// Same rules upstream: Go, regexp/syntax/parse.go, with its words for what is wrong.

export type Matches = (codePoint: number) => boolean;

export type RegexpNode =
  | { readonly kind: 'character'; readonly matches: Matches }
  | { readonly kind: 'assertion'; readonly holds: Assertion }
  | { readonly kind: 'sequence' | 'either'; readonly nodes: readonly RegexpNode[] }
  | {
      readonly kind: 'repeat';
      readonly node: RegexpNode;
      readonly min: number;
      readonly max: number;
      readonly isLazy: boolean;
    };

/** Of the characters at both sides of a place; undefined = the text ends there. */
export type Assertion = (before: number | undefined, after: number | undefined) => boolean;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
}

const REPEAT_MAX = 1000;
const DEPTH_MAX = 200;
const NEWLINE = 10;
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };
/** Go's \s has no vertical tab, and all of these know ASCII only. */
const PERL: Readonly<Record<string, string>> = { d: '0-9', w: '0-9A-Za-z_', s: '\\t\\n\\f\\r ' };
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** Throws a SyntaxError for what Go would not compile. */
export function parseGoRegexp(pattern: string): RegexpNode {
  const parser = new Parser(pattern);
  return parser.parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { i: false, m: false, s: false };

  constructor(text: string) {
    this.#text = text;
  }

  parse(): RegexpNode {
    const node = this.#either();
    if (this.#at < this.#text.length) throw wrong('unexpected )', this.#text);
    return node;
  }

  #either(): RegexpNode {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw wrong('expression nests too deeply', this.#text);
    const flags = this.#flags;
    const nodes = [this.#sequence()];
    while (this.#takes('|')) nodes.push(this.#sequence());
    // Flags that were set inside hold to the end of the group.
    this.#flags = flags;
    this.#depth -= 1;
    return { kind: 'either', nodes };
  }

  #sequence(): RegexpNode {
    const nodes: RegexpNode[] = [];
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at] ?? '')) {
      if (!this.#takes('\\Q')) {
        nodes.push(this.#repeated(this.#atom()));
        continue;
      }
      const quoted = this.#quoted();
      const last = quoted.pop();
      nodes.push(...quoted);
      if (last !== undefined) nodes.push(this.#repeated(last));
    }
    return { kind: 'sequence', nodes };
  }

  #quoted(): RegexpNode[] {
    const end = this.#text.indexOf('\\E', this.#at);
    const literal = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return [...literal].map((char) => this.#literal(codeOf(char)));
  }

  #repeated(first: RegexpNode): RegexpNode {
    let node = first;
    for (;;) {
      const rest = this.#text.slice(this.#at, this.#at + 12);
      const found = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})(\??)/.exec(rest);
      if (found === null) return node;
      const [all, sign, least, comma, most = '', lazy] = found;
      if (node !== first) throw wrong('invalid nested repetition operator', all);
      this.#at += all.length;
      const min = sign === undefined ? Number(least) : sign === '+' ? 1 : 0;
      const max = sign === undefined ? boundOf(min, comma, most) : sign === '?' ? 1 : Infinity;
      if (min > REPEAT_MAX || min > max || (max > REPEAT_MAX && max !== Infinity)) {
        throw wrong('invalid repeat count', all);
      }
      node = { kind: 'repeat', node, min, max, isLazy: lazy === '?' };
    }
  }

  #atom(): RegexpNode {
    const char = this.#char();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '.':
        return this.#oneOf(this.#flags.s ? '[^]' : '[^\\n]', '.');
      case '^':
        return assertion(this.#flags.m ? isLineStart : isTextStart);
      case '$':
        return assertion(this.#flags.m ? isLineEnd : isTextEnd);
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw wrong('missing argument to repetition operator', char);
      default:
        return this.#literal(codeOf(char));
    }
  }

  #group(): RegexpNode {
    const rest = this.#text.slice(this.#at);
    const named = /^\?P?<([A-Za-z0-9_]+)>/.exec(rest);
    const flags = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
    const before = this.#flags;
    if (named !== null) this.#at += named[0].length;
    else if (flags !== null) {
      const [all, on = '', off = '', end] = flags;
      this.#at += all.length;
      const value = (name: keyof Flags) =>
        on.includes(name) || (before[name] && !off.includes(name));
      this.#flags = { i: value('i'), m: value('m'), s: value('s') };
      if (end === ')') return { kind: 'sequence', nodes: [] };
    } else if (rest.startsWith('?')) {
      throw wrong('invalid or unsupported Perl syntax', `(${rest.slice(0, 2)}`);
    }
    const node = this.#either();
    this.#flags = before;
    if (!this.#takes(')')) throw wrong('missing closing )', this.#text);
    return node;
  }

  #escape(): RegexpNode {
    const at = this.#at - 1;
    const char = this.#char();
    if (char === 'A') return assertion(isTextStart);
    if (char === 'z') return assertion(isTextEnd);
    if (char === 'b') return assertion(isWordBoundary);
    if (char === 'B') return assertion((before, after) => !isWordBoundary(before, after));
    this.#at = at;
    return this.#oneOf(`[${this.#classEscape().text}]`, this.#text.slice(at, this.#at));
  }

  /** `[…]`, its first bracket read; JavaScript's class for it. */
  #class(): RegexpNode {
    const from = this.#at - 1;
    let inside = this.#takes('^') ? '^' : '';
    let isFirst = true;
    while (isFirst || this.#text[this.#at] !== ']') {
      if (this.#at >= this.#text.length) throw wrong('missing closing ]', this.#text.slice(from));
      inside += this.#classItem();
      isFirst = false;
    }
    this.#at += 1;
    return this.#oneOf(`[${inside}]`, this.#text.slice(from, this.#at));
  }

  /** A class by name, a character, or a range of characters. */
  #classItem(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (posix !== null) {
      const [all, negated, name = ''] = posix;
      const range = POSIX[name];
      if (range === undefined) throw wrong('invalid character class range', all);
      this.#at += all.length;
      return negated === '^' ? without(range) : range;
    }
    const low = this.#classChar();
    const isRange = this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']';
    if (low.code === undefined || !isRange) return low.text;
    this.#at += 1;
    const high = this.#classChar();
    if (high.code === undefined || high.code < low.code) {
      throw wrong('invalid character class range', `${low.text}-${high.text}`);
    }
    return `${low.text}-${high.text}`;
  }

  #classChar(): { text: string; code?: number } {
    if (this.#text[this.#at] === '\\') return this.#classEscape();
    return exactly(codeOf(this.#char()));
  }

  /** From the backslash on. With `code` it is one character. */
  #classEscape(): { text: string; code?: number } {
    const rest = this.#text.slice(this.#at, this.#at + 48);
    const found =
      /^\\(?:([dwsDWS])|([pP])(?:\{(\^?)(\w+)\}|(\w))|x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([aftnrv])|([1-7][0-7]{1,2}|0[0-7]{0,2})|([^A-Za-z0-9]))/u.exec(
        rest,
      );
    if (found === null) throw wrong('invalid escape sequence', rest.slice(0, 2));
    const [all, perl, property, negated, long, short, hex, two, control, octal, char = ''] = found;
    this.#at += all.length;
    if (perl !== undefined) {
      const range = PERL[perl.toLowerCase()] ?? '';
      return { text: perl === perl.toLowerCase() ? range : without(range) };
    }
    if (property !== undefined) {
      const isNegated = (property === 'P') !== (negated === '^');
      return { text: unicodeClass(long ?? short ?? '', isNegated) };
    }
    if (control !== undefined) return exactly(CONTROLS[control] ?? 0);
    const digits = hex ?? two;
    if (digits !== undefined) return exactly(Number.parseInt(digits, 16));
    return exactly(octal === undefined ? codeOf(char) : Number.parseInt(octal, 8));
  }

  #literal(code: number): RegexpNode {
    if (this.#flags.i) return this.#oneOf(`[${exactly(code).text}]`, String.fromCodePoint(code));
    return { kind: 'character', matches: (codePoint) => codePoint === code };
  }

  /** `source` is a JavaScript class; `shown` what stands in the pattern. */
  #oneOf(source: string, shown: string): RegexpNode {
    try {
      const one = new RegExp(`^${source}$`, this.#flags.i ? 'iu' : 'u');
      const matches = (code: number) => one.test(String.fromCodePoint(code));
      return { kind: 'character', matches: remembered(matches) };
    } catch {
      throw wrong('invalid character class range', shown);
    }
  }

  #char(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw wrong('trailing backslash at end of expression', '');
    const char = String.fromCodePoint(code);
    this.#at += char.length;
    return char;
  }

  #takes(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

const ASCII_MAX = 128;

/** Most texts are ASCII, and each of its characters needs one look only. */
function remembered(matches: Matches): Matches {
  const known: (boolean | undefined)[] = [];
  return (code) => {
    if (code >= ASCII_MAX) return matches(code);
    known[code] ??= matches(code);
    return known[code];
  };
}

function exactly(code: number): { text: string; code: number } {
  if (code > 0x10ffff) throw wrong('invalid escape sequence', `\\x{${code.toString(16)}}`);
  return { text: `\\u{${code.toString(16)}}`, code };
}

/** Inside of a class: everything but the ASCII range. */
function without(range: string): string {
  const one = new RegExp(`[${range}]`, 'u');
  const codes = Array.from({ length: ASCII_MAX }, (_, code) => code);
  const others = codes.filter((code) => !one.test(String.fromCodePoint(code)));
  return `${others.map((code) => exactly(code).text).join('')}\\u{80}-\\u{10ffff}`;
}

/** `L`, `Greek`: a category or a script. */
function unicodeClass(name: string, isNegated: boolean): string {
  const letter = isNegated ? 'P' : 'p';
  return name.length > 2 ? `\\${letter}{Script=${name}}` : `\\${letter}{${name}}`;
}

function boundOf(min: number, comma: string | undefined, most: string): number {
  if (comma === undefined) return min;
  return most === '' ? Infinity : Number(most);
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function assertion(holds: Assertion): RegexpNode {
  return { kind: 'assertion', holds };
}

const isTextStart: Assertion = (before) => before === undefined;
const isTextEnd: Assertion = (_before, after) => after === undefined;
const isLineStart: Assertion = (before) => before === undefined || before === NEWLINE;
const isLineEnd: Assertion = (_before, after) => after === undefined || after === NEWLINE;
const isWordBoundary: Assertion = (before, after) => isWord(before) !== isWord(after);

function isWord(code: number | undefined): boolean {
  return code !== undefined && /^\w$/.test(String.fromCodePoint(code));
}

function wrong(what: string, where: string): SyntaxError {
  return new SyntaxError(`${what}: \`${where}\``);
}
