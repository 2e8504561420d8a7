// go-json: JSON as Go reads it, with Go's complaints.
//
// A client shows the server's words to a person, and people search for them, so a body that is not JSON must fail with the
// sentence that encoding/json has for it. JSON.parse has other sentences and forgets duplicate keys, which strict field
// validation must report. This parser walks the text once, keeps the path of every key that occurs twice, and lets the last one win.
//
// Same rules upstream: sigs.k8s.io/json, a fork of Go's encoding/json. Left out: numbers wider than a double.

import { setOwn } from './copy-json.ts';

export interface ParsedJson {
  readonly value: unknown;
  /** Paths such as `spec.replicas` or `spec.containers[0].image`. */
  readonly duplicates: readonly string[];
}

/** The message is Go's, complete. */
export class JsonSyntaxError extends Error {}

/** Go stops at 10,000; the stack of JavaScript is smaller, and no object comes near. */
const DEPTH_MAX = 1000;
const DUPLICATES_MAX = 100;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A run of a string that stands for itself: no quote, backslash or control character. */
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

export function parseGoJson(text: string): ParsedJson {
  const parser = new Parser(text);
  return { value: parser.document(), duplicates: parser.duplicates };
}

class Parser {
  readonly duplicates: string[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value('');
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value');
    return value;
  }

  #value(path: string): unknown {
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object(path));
      case '[':
        return this.#nested(() => this.#array(path));
      case '"':
        return this.#string();
      case 't':
        return this.#literal('true', true);
      case 'f':
        return this.#literal('false', false);
      case 'n':
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new JsonSyntaxError('exceeded max depth');
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(path: string): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#next('}')) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') {
        throw this.#unexpected('looking for beginning of object key string');
      }
      const key = this.#string();
      if (!this.#next(':')) throw this.#unexpected('after object key');
      const keyPath = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(object, key) && this.duplicates.length < DUPLICATES_MAX) {
        this.duplicates.push(keyPath);
      }
      setOwn(object, key, this.#value(keyPath));
    } while (this.#next(','));
    if (!this.#next('}')) throw this.#unexpected('after object key:value pair');
    return object;
  }

  #array(path: string): unknown[] {
    const array: unknown[] = [];
    if (this.#next(']')) return array;
    do array.push(this.#value(`${path}[${array.length}]`));
    while (this.#next(','));
    if (!this.#next(']')) throw this.#unexpected('after array element');
    return array;
  }

  #string(): string {
    this.#at += 1;
    let value = '';
    for (;;) {
      PLAIN.lastIndex = this.#at;
      value += PLAIN.exec(this.#text)?.[0] ?? '';
      this.#at = PLAIN.lastIndex;
      const char = this.#text[this.#at];
      if (char !== '\\' && char !== '"') throw this.#unexpected('in string literal');
      this.#at += 1;
      if (char === '"') return value;
      value += this.#escape();
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? '';
    const simple = ESCAPES[char];
    if (simple === undefined && char !== 'u') throw this.#unexpected('in string escape code');
    this.#at += 1;
    if (simple !== undefined) return simple;
    for (let digit = 0; digit < 4; digit += 1, this.#at += 1) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? '')) {
        throw this.#unexpected('in \\u hexadecimal character escape');
      }
    }
    return String.fromCharCode(Number.parseInt(this.#text.slice(this.#at - 4, this.#at), 16));
  }

  #literal<T>(word: string, value: T): T {
    for (let index = 0; index < word.length; index += 1, this.#at += 1) {
      if (this.#text[this.#at] !== word[index]) {
        throw this.#unexpected(`in literal ${word} (expecting '${word[index]}')`);
      }
    }
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text)?.[0];
    if (found === undefined) {
      if (this.#text[this.#at] !== '-') throw this.#unexpected('looking for beginning of value');
      this.#at += 1;
      throw this.#unexpected('in numeric literal');
    }
    this.#at += found.length;
    const following = this.#text[this.#at];
    if (following === '.' || following === 'e' || following === 'E') this.#brokenNumber();
    return Number(found);
  }

  /** The number went on with a point or exponent that has no digits. */
  #brokenNumber(): never {
    const point = this.#text[this.#at] === '.';
    this.#at += 1;
    if (!point && /[+-]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    const where = point
      ? 'after decimal point in numeric literal'
      : 'in exponent of numeric literal';
    throw this.#unexpected(where);
  }

  #next(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #unexpected(where: string): JsonSyntaxError {
    const char = this.#text[this.#at];
    return new JsonSyntaxError(
      char === undefined
        ? 'unexpected end of JSON input'
        : `invalid character ${quoteChar(char)} ${where}`,
    );
  }
}

/** Go's scanner works on bytes, so of a character beyond ASCII it names the first byte. */
function quoteChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  const byte = Buffer.from(char, 'utf8')[0] ?? 0;
  if (byte >= 0x20 && byte !== 0x7f && (byte < 0x80 || byte > 0xa0)) {
    return `'${char === '\\' ? '\\\\' : String.fromCharCode(byte)}'`;
  }
  const short: Readonly<Record<number, string>> = {
    7: 'a',
    8: 'b',
    9: 't',
    10: 'n',
    11: 'v',
    12: 'f',
    13: 'r',
  };
  const named = short[byte];
  return `'\\${named ?? (byte < 0x80 ? 'x' : 'u00') + byte.toString(16).padStart(2, '0')}'`;
}
