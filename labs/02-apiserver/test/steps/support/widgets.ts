// Widgets: a resource is a declaration. Four small ones, and the learner's parts at work on one of them, over a real store in memory.
//
//   widgets      namespaced, with a rule (spec.size is above 0), a status, and spec.color to select by
//   gadgets      of the whole cluster, and a PUT must name the resourceVersion that it saw
//   pods, namespaces   as far as deletion treats these two otherwise
//
// Nothing here knows the server's own sixty kinds, so that a step's tests load only what the step is about.
import { type KeyValueStore, type LogFields, type Logger, openMemoryStore } from '@kube-labs/store';
import { AdmissionChain, type AdmissionPlugin } from '#src/admission/admission.ts';
import { FakeClock } from '#src/client/clock.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import { Registry } from '#src/registry/registry.ts';
import {
  ALL_VERBS,
  objectKey,
  type ResourceDefinition,
} from '#src/registry/resource-definition.ts';
import { Storage } from '#src/registry/storage.ts';
import type { StoredObject } from '#src/registry/stored-object.ts';
import { WatchCache } from '#src/registry/watch-cache.ts';
import type { WriteCompanion } from '#src/registry/write-companion.ts';
import type { UpdateOptions, WriteOptions } from '#src/registry/write-options.ts';
import { invalidValue } from '#src/strategy/field-error.ts';
import { defineStrategy, type StrategyParts } from '#src/strategy/strategy.ts';

export interface Widget extends KubernetesObject {
  spec?: { color?: string; size?: number; nodeName?: string; finalizers?: string[] };
  status?: { phase?: string };
}

function declare(
  kind: string,
  parts: StrategyParts<Widget> = {},
  more: Partial<ResourceDefinition> = {},
): ResourceDefinition {
  const resource = `${kind.toLowerCase()}s`;
  const { group = 'example.com', namespaced = true } = more;
  return {
    group,
    version: 'v1',
    kind,
    resource,
    singular: kind.toLowerCase(),
    namespaced,
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    subresources: [],
    selectableFields: {},
    createOnUpdate: false,
    unconditionalUpdate: true,
    storagePrefix: group === '' ? `/registry/${resource}/` : `/registry/${group}/${resource}/`,
    strategy: defineStrategy<Widget>({ ...parts, metadata: { namespaced, ...parts.metadata } }),
    ...more,
  };
}

/** What a field selector reads of an object. */
const read = (of: (widget: Widget) => string | undefined) => (object: ReadonlyApiObject) =>
  of(object as Widget) ?? '';

export const WIDGETS = declare(
  'Widget',
  {
    validate: ({ spec: { size = 1 } = {} }) =>
      size > 0 ? [] : [invalidValue('spec.size', size, 'must be greater than 0')],
  },
  { selectableFields: { 'spec.color': read(({ spec }) => spec?.color) } },
);

export const GADGETS = declare('Gadget', {}, { namespaced: false, unconditionalUpdate: false });

export const PODS = declare(
  'Pod',
  {},
  {
    group: '',
    selectableFields: {
      'spec.nodeName': read(({ spec }) => spec?.nodeName),
      'status.phase': read(({ status }) => status?.phase),
    },
  },
);

export const NAMESPACES = declare('Namespace', {}, { group: '', namespaced: false });

/** `name` may be `namespace/name`; the default namespace is `default`. `metadata` in `more` is added to. */
export function widget(name: string, more: Partial<Widget> = {}, definition = WIDGETS): Widget {
  const { group, version, kind } = definition;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const { metadata, ...rest } = more;
  return { kind, apiVersion, metadata: { ...refOf(name, definition), ...metadata }, ...rest };
}

/** `a` and `shop/a` as the registry asks for them. */
export function refOf(
  name: string,
  { namespaced }: ResourceDefinition = WIDGETS,
): { name: string; namespace?: string } {
  if (!namespaced) return { name };
  const [first = '', second] = name.split('/');
  return second === undefined
    ? { namespace: 'default', name: first }
    : { namespace: first, name: second };
}

export const WRITE: WriteOptions = { user: { name: 'alice', groups: [] }, dryRun: false };
export const UPDATE: UpdateOptions = { ...WRITE, scope: 'object' };

export interface Workshop extends AsyncDisposable {
  readonly definition: ResourceDefinition;
  readonly store: KeyValueStore;
  readonly clock: FakeClock;
  readonly cache: WatchCache;
  readonly storage: Storage;
  readonly registry: Registry;
  /** What the cache warned of. */
  readonly warnings: readonly string[];
  /** The key in the store. */
  keyOf(name: string): string;
  /** What lies in the store, read past storage and cache; undefined when nothing does. */
  inStore(name: string): Promise<(Widget & { modRevision: number }) | undefined>;
  /** Makes an object with the registry. */
  create(name: string, more?: Partial<Widget>): Promise<StoredObject>;
}

export interface WorkshopOptions {
  readonly definition?: ResourceDefinition;
  /** The watch cache follows the store, and is ready. Default: it does nothing. */
  readonly follow?: boolean;
  readonly plugins?: readonly AdmissionPlugin[];
  readonly companions?: readonly WriteCompanion[];
  /** Stands between the learner's parts and the store. */
  readonly around?: (store: KeyValueStore) => KeyValueStore;
}

export async function openWorkshop({
  definition = WIDGETS,
  follow = false,
  plugins = [],
  companions = [],
  around = (store) => store,
}: WorkshopOptions = {}): Promise<Workshop> {
  const memory = await openMemoryStore();
  const store = around(memory);
  const clock = new FakeClock();
  const log = new WarningsOf();
  const { storagePrefix: prefix } = definition;
  const cache = new WatchCache({ store, prefix, log, clock });
  const storage = new Storage(store, cache);
  const admission = new AdmissionChain(plugins);
  const registry = new Registry({ definition, storage, admission, clock, companions });
  const stop = new AbortController();
  const running = follow ? cache.run(stop.signal) : Promise.resolve();
  const workshop: Workshop = {
    definition,
    store,
    clock,
    cache,
    storage,
    registry,
    warnings: log.warnings,
    keyOf: (name) => objectKey(definition, refOf(name, definition)),
    async inStore(name) {
      const kv = (await memory.range({ key: workshop.keyOf(name) })).kvs[0];
      if (kv === undefined) return undefined;
      const object = JSON.parse(Buffer.from(kv.value).toString()) as Widget;
      return { ...object, modRevision: kv.modRevision };
    },
    create(name, more) {
      const object = widget(name, more, definition);
      return registry.create(object, object.metadata?.namespace, WRITE);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await memory[Symbol.asyncDispose]();
    },
  };
  try {
    // A cache that is not written yet only warns, and tries again for ever.
    if (follow) await Promise.race([cache.ready(), log.notWritten]);
  } catch (error) {
    await workshop[Symbol.asyncDispose]();
    throw error;
  }
  return workshop;
}

/** A log that keeps what it is warned of. */
class WarningsOf implements Logger {
  readonly warnings: string[] = [];
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when the cache meets a function that the learner has still to write. */
  readonly notWritten = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor() {
    this.notWritten.catch(() => undefined);
  }

  warn(message: string, fields: LogFields = {}): void {
    const { error } = fields;
    this.warnings.push(`${message}: ${error instanceof Error ? error.message : String(error)}`);
    if ((error as { code?: unknown } | undefined)?.code === 'NOT_WRITTEN_YET') this.#fail(error);
  }
  error(message: string): void {
    this.warnings.push(message);
  }
  info(): void {}
  debug(): void {}
  child(): Logger {
    return this;
  }
}
