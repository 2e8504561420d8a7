// KindCodec: how one kind in one version is read: from bodies, from the results of patches, and with which defaults.
//
// The handlers know no schema; they ask the codec of the version that the path names. Kinds of the server itself have a goCodec(), which
// reads them as Go would by their generated schema; a kind that somebody declares at run time brings a codec of its own.
//
// Same idea upstream: runtime.NegotiatedSerializer and the scope's Serializer, which differs for custom resources
// (apiextensions-apiserver, pkg/apiserver/customresource_handler.go).

import type { KubernetesObject } from '../client/resources.ts';
import {
  APPLY_PATCH,
  JSON_PATCH,
  MERGE_PATCH,
  STRATEGIC_MERGE_PATCH,
} from '../patch/apply-patch.ts';
import { definitionOfKind, type GroupVersionKind, type Schema } from '../schema/catalog.ts';
import { checkObject, type DecodedObject, decodeObject, type FieldValidation } from './decode.ts';

/** What is known of a kind's fields: a generated definition (see schema/go-types.ts), or a structural schema. */
export type KindStructure =
  | { readonly kind: 'go'; readonly definition: string }
  | { readonly kind: 'structural'; readonly schema: Schema };

export interface KindCodec {
  /** A body becomes an object of the kind; throws what the client shall hear. */
  decode(
    bytes: Uint8Array,
    contentType: string | undefined,
    validation: FieldValidation,
  ): DecodedObject;
  /** The same for a value that is parsed already: the result of a patch. */
  check(value: unknown, validation: FieldValidation): DecodedObject;
  /** Media types of the patches that the kind takes. */
  readonly patchTypes: readonly string[];
  /** Undefined for a kind of which nothing is known. */
  readonly structure: KindStructure | undefined;
  /** Fills in what only this version leaves out; the defaults of the stored one, the strategy's, come behind. */
  setDefaults(object: KubernetesObject): void;
}

const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH];

/** The codec of a kind that the generated schemas describe. */
export function goCodec(
  gvk: GroupVersionKind,
  setDefaults: KindCodec['setDefaults'] = () => {},
): KindCodec {
  return {
    decode: (bytes, contentType, validation) => decodeObject(bytes, contentType, gvk, validation),
    check: (value, validation) => checkObject(value, gvk, validation),
    patchTypes: PATCH_TYPES,
    // Looked up when asked for: reading the schemas of all kinds at the start would cost more than the start itself.
    get structure() {
      const definition = definitionOfKind(gvk);
      return definition === undefined ? undefined : { kind: 'go' as const, definition };
    },
    setDefaults,
  };
}
