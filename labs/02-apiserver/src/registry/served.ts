// Served: one resource in one version, as clients ask for it.
//
// Several versions may stand before one stored resource, and share its registry. The registry speaks the stored version only; here objects
// are converted on their way in and out. The common case, a resource that is served as it is stored, costs nothing.
//
// Same idea upstream: endpoints/handlers' RequestScope, and the codecs that convert to and from storage
// (runtime/serializer/versioning).

import type { KubernetesObject } from '../client/resources.ts';
import { goCodec, type KindCodec } from '../codec/kind-codec.ts';
import { defaultPrinter } from '../printers/cluster.ts';
import type { Printer } from '../printers/table.ts';
import type { ReadonlyApiObject } from './api-object.ts';
import type { Registry } from './registry.ts';
import { groupVersionOf, type ResourceDefinition, type StoredAs } from './resource-definition.ts';
import type { StoredObject } from './stored-object.ts';

export class Served {
  /** Of this version. */
  readonly definition: ResourceDefinition;
  /** Of the stored version; undefined when nothing is stored. */
  readonly registry: Registry | undefined;
  readonly codec: KindCodec;
  readonly apiVersion: string;
  /** An object is converted once, however many watchers and lists send it. */
  readonly #views = new WeakMap<StoredObject, StoredObject>();

  readonly #siblings: (apiVersion: string) => Served | undefined;

  constructor(
    definition: ResourceDefinition,
    registry: Registry | undefined,
    siblings: (apiVersion: string) => Served | undefined = () => undefined,
  ) {
    this.definition = definition;
    this.registry = registry;
    this.#siblings = siblings;
    this.apiVersion = groupVersionOf(definition);
    this.codec = definition.codec ?? goCodec(definition);
  }

  /** Rows are printed from the stored object, so the versions of a kind look alike. */
  get printer(): Printer {
    const { printer, storedAs } = this.definition;
    return printer ?? storedAs?.definition.printer ?? defaultPrinter;
  }

  /** A stored object in this version: the very same when that is how it is stored. */
  view(stored: StoredObject): StoredObject {
    if (this.#isStoredAsIs(stored.object)) return stored;
    let view = this.#views.get(stored);
    if (view === undefined) {
      view = stored.as(this.shown(stored.object));
      this.#views.set(stored, view);
    }
    return view;
  }

  /** The same for an object alone, where no bytes are needed. */
  shown(object: ReadonlyApiObject): ReadonlyApiObject {
    if (this.#isStoredAsIs(object)) return object;
    const { kind, storedAs } = this.definition;
    const { metadata } = object;
    const converted = storedAs?.fromStorage?.(object) ?? object;
    return { metadata, ...converted, kind, apiVersion: this.apiVersion } as ReadonlyApiObject;
  }

  /** A client's object as it is stored, with the defaults of this version and the stored one's. The caller gives it away. */
  toStorage(object: KubernetesObject): KubernetesObject {
    this.codec.setDefaults(object);
    const { storedAs, strategy } = this.definition;
    const stored = this.asStored(object);
    (storedAs?.definition.strategy ?? strategy).setDefaults(stored);
    return stored;
  }

  /** The same resource in another of its versions, or this; undefined when it is not served in that. */
  sibling(apiVersion: string): Served | undefined {
    return apiVersion === this.apiVersion ? this : this.#siblings(apiVersion);
  }

  /** The object in the stored version, without any defaults. */
  asStored(object: KubernetesObject): KubernetesObject {
    const { storedAs } = this.definition;
    return storedAs === undefined ? object : converted(object, storedAs);
  }

  /** Objects may lie in the store in a version that was the stored one once: then even the stored version is converted. */
  #isStoredAsIs(object: ReadonlyApiObject): boolean {
    return this.definition.storedAs === undefined && object.apiVersion === this.apiVersion;
  }
}

function converted(
  object: KubernetesObject,
  { definition, toStorage }: StoredAs,
): KubernetesObject {
  const { kind } = definition;
  return { ...(toStorage?.(object) ?? object), kind, apiVersion: groupVersionOf(definition) };
}
