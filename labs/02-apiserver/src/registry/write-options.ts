// write-options: what a write is told besides the object, and what admission hears of it.
//
// Same idea upstream: apiserver, registry/rest (UpdatedObjectInfo, CreateOptions) and admission/attributes.go.

import type { AdmissionContext, AdmissionRequest } from '../admission/admission.ts';
import type { User } from '../auth/user.ts';
import type { KubernetesObject } from '../client/resources.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { ReadonlyApiObject } from './api-object.ts';
import type { ResourceDefinition } from './resource-definition.ts';

export interface WriteOptions {
  readonly user: User;
  readonly dryRun: boolean;
  /** What else admission hears of the request. */
  readonly admission?: AdmissionContext;
  /** Judges the object instead of the stored version's: of the version that the client speaks. */
  readonly strategy?: Strategy;
}

export interface UpdateOptions extends WriteOptions {
  /** What the strategy applies: spec and metadata, status only, or (our own changes, like a binding) nothing. */
  readonly scope: 'object' | 'status' | 'raw';
  readonly subresource?: string;
}

export interface WriteRequest {
  readonly options: WriteOptions & { readonly subresource?: string };
  readonly namespace: string | undefined;
  /** Absent for a DELETE. */
  readonly object?: KubernetesObject;
  /** Absent for a CREATE. */
  readonly old?: ReadonlyApiObject;
}

/** The same for every plugin; `object` is the one that they may change. */
export function admissionRequest(
  operation: 'CREATE' | 'UPDATE' | 'DELETE',
  definition: ResourceDefinition,
  { options, namespace, object, old }: WriteRequest,
): AdmissionRequest {
  return {
    operation,
    definition,
    name: (object ?? old)?.metadata?.name ?? '',
    user: options.user,
    dryRun: options.dryRun,
    ...options.admission,
    ...(object === undefined ? {} : { object }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
    ...(old === undefined ? {} : { old }),
  };
}
