// apply-handler: PATCH with application/apply-patch+yaml: a client says what it wants of an object, and owns what it says.
//
// The configuration is merged into what is there; an object that is not there is made, which needs the right to make it. Between
// looking and making somebody else may make it: then it is merged into theirs, as if it had always been there.
//
// Same idea upstream: apiserver, endpoints/handlers/patch.go (applyPatcher).

import { ApiError, badRequest, conflict } from '../api-error.ts';
import type { AppliedConfiguration } from '../apply/field-manager.ts';
import type { JsonMap } from '../apply/type-structure.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { JsonSyntaxError, parseGoJson } from '../codec/go-json.ts';
import { type ParsedYaml, parseYaml, warningsOf, YamlError } from '../codec/yaml-body.ts';
import { isMap } from '../patch/merge-patch.ts';
import { mutableCopy } from '../registry/api-object.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { UpdateOptions } from '../registry/write-options.ts';
import { applied, withManagedFields } from './field-ownership.ts';
import type { StoredContext } from './handler.ts';
import { sendObject } from './read-handlers.ts';
import { fieldValidationOf, refOf } from './request-context.ts';
import { checkName, checkNamespace } from './write-checks.ts';

/** Who makes an object while it is deleted and made again and again is told so at last. */
const ATTEMPTS_MAX = 8;

export async function handleApply(
  context: StoredContext,
  bytes: Uint8Array,
  options: UpdateOptions,
): Promise<void> {
  const { config, warnings } = readConfiguration(context, bytes);
  context.exchange.audit?.requestObject(config as KubernetesObject);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { stored, created } = await writeOnce(context, config, options);
    if (stored === undefined) continue;
    await sendObject(context, stored, { status: created ? 201 : 200, warnings });
    return;
  }
  throw conflict(context.served.definition, context.info.name ?? '');
}

interface Written {
  /** Undefined: the object was not there, and then it was. */
  readonly stored: StoredObject | undefined;
  readonly created: boolean;
}

async function writeOnce(
  context: StoredContext,
  config: JsonMap,
  options: UpdateOptions,
): Promise<Written> {
  const { registry, info } = context;
  const change = (current: StoredObject): KubernetesObject =>
    asWritten(context, applied(context, current.object, config));
  try {
    return { stored: await registry.update(refOf(context), change, options), created: false };
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') || info.subresource !== undefined) throw error;
  }
  context.exchange.checkAlsoAllowed('create');
  const made = asWritten(context, applied(context, undefined, config));
  checkNoIdentity(context, made);
  try {
    return { stored: await registry.create(made, info.namespace, options), created: true };
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
    return { stored: undefined, created: false };
  }
}

/** The merged object as it is to be stored: decoded, with its defaults, its name and its owners. */
function asWritten(
  { served, info }: StoredContext,
  { object, managedFields }: AppliedConfiguration,
): KubernetesObject {
  const checked = served.codec.check(mutableCopy(object as KubernetesObject), 'Ignore').object;
  checkNamespace(checked, info.namespace);
  checkName(checked, info.name ?? '');
  return withManagedFields(served.toStorage(checked), managedFields);
}

/** A configuration that names a uid speaks of an object that was. */
function checkNoIdentity({ served, info }: StoredContext, { metadata }: KubernetesObject): void {
  const uid = metadata?.uid ?? '';
  if (uid === '') return;
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw conflict(served.definition, info.name ?? '', why);
}

export function readConfiguration(
  context: StoredContext,
  bytes: Uint8Array,
): { config: JsonMap; warnings: readonly string[] } {
  const { value, duplicateErrors } = parseConfiguration(Buffer.from(bytes).toString('utf8'));
  const strict = duplicateErrors.map((error) => `error converting YAML to JSON: ${error}`);
  const validation = fieldValidationOf(context);
  if (validation === 'Strict' && strict.length > 0) {
    throw badRequest(`error strict decoding YAML: ${strict.join(', ')}`);
  }
  if (!isMap(value)) {
    const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return { config: value, warnings: validation === 'Warn' ? strict.flatMap(warningsOf) : [] };
}

/** Nearly every configuration is JSON, which is YAML too, but read much faster. */
function parseConfiguration(text: string): ParsedYaml {
  try {
    if (/^\s*\{/.test(text)) {
      const { value, duplicates } = parseGoJson(text);
      if (duplicates.length === 0) return { value, duplicateErrors: [] };
    }
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw badRequest(`error decoding YAML: ${error.message}`, error);
  }
}
