// yaml-body: YAML bodies, which upstream turns into JSON before it looks at them.
//
// Keys are sorted on the way, as Go writes a map to JSON sorted: which of two errors a client sees depends on it.
// Left out: the exact words of Go's YAML parser; the line number and its beginning (`yaml: line 3:`) are the same.

import { LineCounter, parseDocument } from 'yaml';

/** The message is as upstream's begins. */
export class YamlError extends Error {}

export interface ParsedYaml {
  readonly value: unknown;
  readonly duplicateErrors: readonly string[];
}

/** Aliases may multiply what they name: the library's limit against documents that explode. */
const ALIASES_MAX = 100;

/** As deep as JSON may be. */
const DEPTH_MAX = 1000;

export function parseYaml(text: string): ParsedYaml {
  try {
    return parse(text);
  } catch (error) {
    // The library walks by recursion, so a document that is deep enough ends its stack.
    if (!(error instanceof RangeError)) throw error;
    throw tooDeep();
  }
}

function parse(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    uniqueKeys: true,
    prettyErrors: false,
    // Its warnings would let anybody write on our standard error.
    logLevel: 'error',
  });
  const lineOf = (offset: number): number => lineCounter.linePos(offset).line;
  const duplicates = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  const fatal = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  if (fatal !== undefined) {
    throw new YamlError(
      `error converting YAML to JSON: yaml: line ${lineOf(fatal.pos[0])}: ${fatal.message}`,
    );
  }
  return {
    value: sortKeys(toValue(document), DEPTH_MAX),
    duplicateErrors: duplicates.map(({ pos }) => {
      const key = /^[^:\n]*/.exec(text.slice(pos[0]))?.[0].trim() ?? '';
      return `yaml: unmarshal errors:\n  line ${lineOf(pos[0])}: key ${JSON.stringify(key)} already set in map`;
    }),
  };
}

function tooDeep(): YamlError {
  return new YamlError('error converting YAML to JSON: yaml: exceeded max depth');
}

function toValue(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new YamlError(`error converting YAML to JSON: yaml: ${why}`);
  }
}

function sortKeys(value: unknown, depthLeft: number): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (depthLeft === 0) throw tooDeep();
  if (Array.isArray(value)) return value.map((item) => sortKeys(item, depthLeft - 1));
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner, depthLeft - 1)]));
}

const UNMARSHAL_ERRORS = /^(?:error converting YAML to JSON: )?yaml: unmarshal errors:\n/;

/** A strict error as a warning: each line of what YAML says on its own, as a header has but one line. */
export function warningsOf(error: string): string[] {
  if (!UNMARSHAL_ERRORS.test(error)) return [error];
  return error
    .replace(UNMARSHAL_ERRORS, '')
    .split('\n')
    .map((line) => line.trim());
}
