// YamlReader: reads YAML strictly, and says line and column of what it does not like.
//
// Rules of use
//   - take() a key's value from a map and turn it into text, number, list or map; each of them throws a CourseError at its place.
//   - done() at the end of a map: a key that nobody took is a spelling mistake, never ignored.
import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { CourseError, type Place } from './course-error.ts';

export class YamlValue {
  readonly #node: Node | null;
  readonly #name: string;
  readonly #placeOf: (offset: number) => Place;
  readonly #offset: number;

  constructor(
    node: Node | null,
    name: string,
    placeOf: (offset: number) => Place,
    offset = node?.range?.[0] ?? 0,
  ) {
    this.#node = node;
    this.#name = name;
    this.#placeOf = placeOf;
    this.#offset = offset;
  }

  get place(): Place {
    return this.#placeOf(this.#offset);
  }

  get isText(): boolean {
    return isScalar(this.#node) && typeof this.#node.value === 'string';
  }

  fail(message: string): never {
    throw new CourseError(message, this.place);
  }

  text(): string {
    if (isScalar(this.#node) && typeof this.#node.value === 'string') return this.#node.value;
    return this.fail(`${this.#name} must be text`);
  }

  /** A whole number of at least `min`. */
  count(min: number): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min) return value;
    return this.fail(`${this.#name} must be a whole number, ${min} or more`);
  }

  list(): readonly YamlValue[] {
    if (!isSeq(this.#node)) return this.fail(`${this.#name} must be a list`);
    return this.#node.items.map((item, i) =>
      this.#child(item as Node | null, `item ${i + 1} of ${this.#name}`),
    );
  }

  map(): YamlMap {
    const node = this.#node;
    if (!isMap(node)) return this.fail(`${this.#name} must be a map of keys and values`);
    const values = new Map<string, { key: YamlValue; value: YamlValue }>();
    for (const pair of node.items) {
      const key = this.#child(pair.key as Node, 'a key');
      const name = isScalar(pair.key) ? String(pair.key.value) : key.fail('a key must be text');
      values.set(name, { key, value: this.#child(pair.value as Node | null, name, key.#offset) });
    }
    return new YamlMap(this, this.#name, values);
  }

  #child(node: Node | null, name: string, offset = this.#offset): YamlValue {
    return new YamlValue(node, name, this.#placeOf, node?.range?.[0] ?? offset);
  }
}

export class YamlMap {
  readonly #taken = new Set<string>();
  readonly #values: ReadonlyMap<string, { key: YamlValue; value: YamlValue }>;
  readonly #self: YamlValue;
  readonly #name: string;

  constructor(
    self: YamlValue,
    name: string,
    values: ReadonlyMap<string, { key: YamlValue; value: YamlValue }>,
  ) {
    this.#self = self;
    this.#name = name;
    this.#values = values;
  }

  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  take(key: string): YamlValue {
    const value = this.find(key);
    const has = this.keys.join(', ');
    return value ?? this.#self.fail(`${this.#name} lacks \`${key}\`; it has ${has}`);
  }

  find(key: string): YamlValue | undefined {
    this.#taken.add(key);
    return this.#values.get(key)?.value;
  }

  done(): void {
    for (const [name, { key }] of this.#values) {
      if (this.#taken.has(name)) continue;
      key.fail(`unknown key \`${name}\` in ${this.#name}; known: ${[...this.#taken].join(', ')}`);
    }
  }
}

/** The document in a file; the whole of it is the value `name`. */
export function readYaml(file: string, name: string): YamlValue {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [error] = document.errors;
  if (error !== undefined) {
    // The first line of the library's message; the rest draws the place, which we name ourselves.
    throw new CourseError(error.message.split('\n')[0] ?? error.message, placeOf(error.pos[0]));
  }
  return new YamlValue(document.contents, name, placeOf);
}
