// old-traffic: ingresses and autoscalers as Kubernetes 1.1 wrote them (extensions/v1beta1). They are stored as today's kinds.
//
// An ingress named its backend with serviceName and servicePort, where today the service is an object and its port has a name or a
// number; paths had no type. An autoscaler knew one number, the CPU target, and pointed to the scale of a resource.
//
// Same rules upstream: Kubernetes 1.1, pkg/apis/extensions/v1beta1; and, for ingresses, today's pkg/apis/networking/v1beta1/conversion.go.

import type { HorizontalPodAutoscaler as AutoscalerV1 } from 'kubernetes-types/autoscaling/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { Ingress, IngressBackend, IngressRule } from 'kubernetes-types/networking/v1';
import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { autoscalerFromV1, autoscalerToV1 } from './autoscaling.ts';
import { withoutUndefined } from './without-undefined.ts';

interface OldBackend {
  readonly serviceName?: string;
  readonly servicePort?: number | string;
}

interface OldRule {
  readonly host?: string;
  readonly http?: { readonly paths?: readonly { path?: string; backend?: OldBackend }[] };
}

interface OldIngress {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly backend?: OldBackend; readonly rules?: readonly OldRule[] };
  readonly status?: object;
}

interface OldTarget {
  readonly kind?: string;
  readonly name?: string;
  readonly apiVersion?: string;
  readonly subresource?: string;
}

interface OldAutoscaler {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly scaleRef?: OldTarget;
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly cpuUtilization?: { readonly targetPercentage?: number };
  };
  readonly status?: object;
}

export function ingressFromOld(object: KubernetesObject): KubernetesObject {
  const { metadata, spec = {}, status } = object as OldIngress;
  return withoutUndefined({
    metadata,
    spec: withoutUndefined({
      defaultBackend: spec.backend && backendFromOld(spec.backend),
      rules: spec.rules?.map(ruleFromOld),
    }),
    status,
  }) as KubernetesObject;
}

function ruleFromOld({ host, http }: OldRule): object {
  const paths = (http?.paths ?? []).map(({ path, backend = {} }) =>
    withoutUndefined({
      path,
      pathType: 'ImplementationSpecific',
      backend: backendFromOld(backend),
    }),
  );
  return withoutUndefined({ host, http: http && { paths } });
}

function backendFromOld({ serviceName = '', servicePort }: OldBackend): IngressBackend {
  if (servicePort === undefined) return { service: { name: serviceName } };
  const port = typeof servicePort === 'number' ? { number: servicePort } : { name: servicePort };
  return { service: { name: serviceName, port } };
}

export function ingressToOld(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec = {}, status = {} } = object as Ingress;
  return {
    metadata,
    spec: withoutUndefined({
      backend: spec.defaultBackend && backendToOld(spec.defaultBackend),
      rules: spec.rules?.map(ruleToOld),
    }),
    status,
  } as KubernetesObject;
}

function ruleToOld({ host, http }: IngressRule): object {
  const paths = (http?.paths ?? []).map(({ path, backend }) =>
    withoutUndefined({ path, backend: backendToOld(backend) }),
  );
  return withoutUndefined({ host, http: http && { paths } });
}

/** 1.1 knew services only: any other backend is shown as none. */
function backendToOld({ service }: IngressBackend): object {
  const { name, port } = service ?? { name: '' };
  return withoutUndefined({ serviceName: name, servicePort: port?.number ?? port?.name });
}

export function autoscalerFromOld(object: KubernetesObject): KubernetesObject {
  const { metadata, spec = {}, status } = object as OldAutoscaler;
  const { scaleRef = {}, minReplicas, maxReplicas, cpuUtilization } = spec;
  const { kind = '', name = '', apiVersion } = scaleRef;
  return autoscalerFromV1(
    withoutUndefined({
      metadata,
      spec: withoutUndefined({
        minReplicas,
        maxReplicas,
        scaleTargetRef: withoutUndefined({ kind, name, apiVersion: today(kind, apiVersion) }),
        targetCPUUtilizationPercentage: cpuUtilization?.targetPercentage,
      }),
      status,
    }) as KubernetesObject,
  );
}

export function autoscalerToOld(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec, status = {} } = autoscalerToV1(object) as AutoscalerV1;
  const { kind = '', name = '', apiVersion } = spec?.scaleTargetRef ?? {};
  const { minReplicas, maxReplicas, targetCPUUtilizationPercentage: targetPercentage } = spec ?? {};
  const scaleRef = { kind, name, apiVersion: then(kind, apiVersion), subresource: 'scale' };
  return {
    metadata,
    spec: withoutUndefined({
      scaleRef: withoutUndefined(scaleRef),
      minReplicas,
      maxReplicas,
      cpuUtilization: targetPercentage === undefined ? undefined : { targetPercentage },
    }),
    status,
  } as KubernetesObject;
}

const OLD = 'extensions/v1beta1';

/** Deployments moved to another group. */
function today(kind: string, apiVersion: string | undefined): string | undefined {
  return kind === 'Deployment' && apiVersion === OLD ? 'apps/v1' : apiVersion;
}

function then(kind: string, apiVersion: string | undefined): string | undefined {
  return kind === 'Deployment' && apiVersion === 'apps/v1' ? OLD : apiVersion;
}
