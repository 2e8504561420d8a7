// admit: what the registry does with a strategy, without the registry: decode, default, prepare, validate.

import { ApiError } from '../../src/api-error.ts';
import type { KubernetesObject } from '../../src/client/resources.ts';
import { decodeObject } from '../../src/codec/decode.ts';
import { RESOURCES } from '../../src/registry/resources.ts';
import type { GroupVersionKind } from '../../src/schema/catalog.ts';
import { type FieldError, invalid } from '../../src/strategy/field-error.ts';
import { generalStrategy } from '../../src/strategy/general.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';

export type Loose = Record<string, unknown>;

/** Of the resource that is stored in this version; of kinds that nobody declared, what they would get. */
export function strategyOf({ group, version, kind }: GroupVersionKind): Strategy {
  const found = RESOURCES.find(
    (one) => one.group === group && one.version === version && one.kind === kind,
  );
  return found?.strategy ?? generalStrategy({ namespaced: true, hasStatus: true });
}

function isNamespaced({ group, kind }: GroupVersionKind): boolean {
  return RESOURCES.find((one) => one.group === group && one.kind === kind)?.namespaced ?? true;
}

function prepare(gvk: GroupVersionKind, body: Loose): KubernetesObject {
  const bytes = Buffer.from(JSON.stringify(body));
  const { object } = decodeObject(bytes, 'application/json', gvk, 'Strict');
  strategyOf(gvk).setDefaults(object);
  if (isNamespaced(gvk)) object.metadata = { namespace: 'default', ...object.metadata };
  return object;
}

/** The object as it would be stored; throws the ApiError that a client would get. */
export function create(gvk: GroupVersionKind, body: Loose): Loose {
  const object = prepare(gvk, body);
  const strategy = strategyOf(gvk);
  strategy.prepareForCreate(object);
  check(gvk, object, strategy.validate(object));
  return object as Loose;
}

export function update(gvk: GroupVersionKind, old: Loose, body: Loose): Loose {
  const object = prepare(gvk, body);
  const strategy = strategyOf(gvk);
  const before = deepFreeze(structuredClone(old)) as KubernetesObject;
  strategy.prepareForUpdate(object, before);
  check(gvk, object, strategy.validateUpdate(object, before));
  return object as Loose;
}

/** Through the status subresource. */
export function updateStatus(gvk: GroupVersionKind, old: Loose, status: Loose): Loose {
  const object = prepare(gvk, { ...old, status });
  const strategy = strategyOf(gvk);
  const before = deepFreeze(structuredClone(old)) as KubernetesObject;
  strategy.prepareForStatusUpdate?.(object, before);
  check(gvk, object, strategy.validateStatusUpdate(object, before));
  return object as Loose;
}

function check(gvk: GroupVersionKind, object: KubernetesObject, errors: FieldError[]): void {
  if (errors.length > 0) throw invalid(gvk, object.metadata?.name ?? '', errors);
}

/** A strategy must not change the object that everybody shares. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

/** What the client reads, or '' when the object is accepted. */
export function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (ApiError.is(error, 'Invalid')) return error.message;
    throw error;
  }
  return '';
}

/** The same without the sentence that names the object. */
export function faults(act: () => unknown): string {
  return complaint(act).replace(/^.*? is invalid: /, '');
}
