// extensions: the resources of the group extensions, v1beta1: names under which Kubernetes 1.1 knew workloads and ingresses.
//
// Off by default (--runtime-config=extensions/v1beta1=true). Each is another version of a resource of today: what one client makes
// here, all others find under apps, batch, networking.k8s.io or autoscaling. Faults of an object are told in today's field names.
//
// Same facts upstream: Kubernetes 1.1, pkg/apis/extensions. Left out: its own Scale kind (scale speaks autoscaling/v1), third party
// resources, replicationcontrollers/scale.

import type { KubernetesObject } from '../../client/resources.ts';
import { decodeObject } from '../../codec/decode.ts';
import {
  autoscalerFromOld,
  autoscalerToOld,
  ingressFromOld,
  ingressToOld,
} from '../../convert/old-traffic.ts';
import {
  daemonSetFromOld,
  daemonSetToOld,
  deploymentFromOld,
  deploymentToOld,
  jobFromOld,
  jobToOld,
} from '../../convert/old-workloads.ts';
import { customResourceCodec } from '../../crd/custom-resource-codec.ts';
import type { JsonSchema } from '../../crd/json-schema.ts';
import { openApiDefinitions } from '../../crd/openapi.ts';
import { STRATEGIC_MERGE_PATCH } from '../../patch/apply-patch.ts';
import { groupVersionOf, type ResourceDefinition, type StoredAs } from '../resource-definition.ts';
import { DAEMON_SETS, DEPLOYMENTS } from './apps.ts';
import { AUTOSCALERS } from './autoscaling.ts';
import { JOBS } from './batch.ts';
import { define } from './define.ts';
import {
  OLD_AUTOSCALER,
  OLD_DAEMON_SET,
  OLD_DEPLOYMENT,
  OLD_INGRESS,
  OLD_JOB,
} from './extensions-schemas.ts';
import { INGRESSES } from './networking.ts';

export const EXTENSIONS_RESOURCES: readonly ResourceDefinition[] = [
  old(DAEMON_SETS, OLD_DAEMON_SET, { toStorage: daemonSetFromOld, fromStorage: daemonSetToOld }),
  old(DEPLOYMENTS, OLD_DEPLOYMENT, { toStorage: deploymentFromOld, fromStorage: deploymentToOld }),
  old(AUTOSCALERS, OLD_AUTOSCALER, { toStorage: autoscalerFromOld, fromStorage: autoscalerToOld }),
  old(INGRESSES, OLD_INGRESS, { toStorage: ingressFromOld, fromStorage: ingressToOld }),
  old(JOBS, OLD_JOB, { toStorage: jobFromOld, fromStorage: jobToOld }),
];

/** `definition` as 1.1 had it: without short names and categories, which servers had later; `po` and `all` mean today's kinds. */
function old(
  definition: ResourceDefinition,
  schema: JsonSchema,
  { toStorage, fromStorage }: Required<Omit<StoredAs, 'definition'>>,
): ResourceDefinition {
  const { kind, resource, subresources, selectableFields } = definition;
  const gvk = { group: 'extensions', version: 'v1beta1', kind };
  const codec = customResourceCodec(gvk, schema);
  return define(kind, resource, {
    ...gvk,
    subresources,
    selectableFields,
    storedAs: {
      definition,
      toStorage: (object) => typed(toStorage(object), definition),
      fromStorage,
    },
    codec: { ...codec, patchTypes: [...codec.patchTypes, STRATEGIC_MERGE_PATCH] },
    openapi: (document) =>
      openApiDefinitions({ ...gvk, plural: resource, listKind: `${kind}List` }, schema, document),
  });
}

/** What the old schema left open is read as the stored kind has it. */
function typed(object: KubernetesObject, definition: ResourceDefinition): KubernetesObject {
  const { kind } = definition;
  const body = JSON.stringify({ ...object, kind, apiVersion: groupVersionOf(definition) });
  return decodeObject(Buffer.from(body), 'application/json', definition, 'Ignore').object;
}
