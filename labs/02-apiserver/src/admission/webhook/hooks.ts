// hooks: which webhooks are asked about a request, and in which version each hears of it. Pure, but for the labels of namespaces.
//
// A webhook's rules name resources in versions. With matchPolicy Equivalent (the default) a rule for one version of a resource means the
// others too, and the webhook gets the object in the version that it named.
//
// Two things are never shown to any webhook: the configurations of webhooks, or a broken one could not be repaired any more; and what the
// server writes for itself, or a webhook that refuses everything would keep it from starting. (Upstream shows the latter, but has its
// controllers look before they write.)
//
// Same rules upstream: apiserver, admission/plugin/webhook (generic/webhook.go, predicates/{rules,namespace,object}).

import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from 'kubernetes-types/admissionregistration/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { notFound } from '../../api-error.ts';
import { SYSTEM_USER } from '../../auth/user.ts';
import type { Labels } from '../../client/label-requirement.ts';
import { matchesSelector } from '../../client/selectors.ts';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { ResourceTable } from '../../registry/resource-table.ts';
import type { Served } from '../../registry/served.ts';
import type { AdmissionRequest, RequestKind, RequestResource } from '../admission.ts';
import { cachedObjects, labelsOfNamespace } from '../lookup.ts';

export const GROUP = 'admissionregistration.k8s.io';
const EXEMPT: readonly string[] = [
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
];

/** The published type lacks what comes from the embedded Rule. */
interface Rule extends RuleWithOperations {
  readonly resources?: readonly string[];
  readonly scope?: string;
}

export interface Hook {
  readonly webhook: MutatingWebhook & ValidatingWebhook;
  readonly configuration: string;
  /** Of this webhook in its configuration. */
  readonly id: string;
}

/** How a webhook hears of a request. */
export interface Invocation {
  readonly hook: Hook;
  readonly kind: RequestKind;
  readonly resource: RequestResource;
  /** Converts objects of the resource; undefined for objects of other kinds, which are sent as they are. */
  readonly served: Served | undefined;
}

/** In the order in which they are asked: by the name of the configuration. */
export async function hooksOf(table: ResourceTable, resource: string): Promise<readonly Hook[]> {
  const configurations = await cachedObjects(table.registry(GROUP, resource));
  return configurations.flatMap((object) => {
    const { metadata, webhooks = [] } = object as ReadonlyApiObject & {
      readonly webhooks?: readonly (MutatingWebhook & ValidatingWebhook)[];
    };
    const configuration = metadata.name ?? '';
    return webhooks.map((webhook, index) => ({
      webhook,
      configuration,
      id: `${configuration}/${webhook.name}/${index}`,
    }));
  });
}

export function isExempt({ definition, user, requestResource }: AdmissionRequest): boolean {
  const { group, resource } = definition;
  const isOwn = user === SYSTEM_USER && requestResource === undefined;
  return isOwn || (group === GROUP && EXEMPT.includes(resource));
}

/** Undefined: the webhook is not asked. Throws what the client shall hear when that cannot be found out. */
export async function invocationOf(
  hook: Hook,
  request: AdmissionRequest,
  table: ResourceTable,
): Promise<Invocation | undefined> {
  const { objectSelector, namespaceSelector } = hook.webhook;
  if (!matchesObject(objectSelector, request)) return undefined;
  const invocation = matchingVersion(hook, request, table);
  if (invocation === undefined) return undefined;
  return (await matchesNamespace(namespaceSelector, request, table)) ? invocation : undefined;
}

function matchingVersion(
  hook: Hook,
  request: AdmissionRequest,
  table: ResourceTable,
): Invocation | undefined {
  const { rules = [], matchPolicy = 'Equivalent' } = hook.webhook;
  const { definition } = request;
  const asked = request.requestResource ?? definition;
  const own = table.find(asked.group, asked.version, asked.resource);
  if (rules.some((rule) => matchesRule(rule, request, asked))) {
    const kind = request.requestKind ?? kindOf(own?.definition ?? definition);
    return { hook, kind, resource: resourceOf(asked), served: convertible(own, request) };
  }
  if (matchPolicy !== 'Equivalent') return undefined;
  const others = [...table.all()].filter(
    (served) =>
      served !== own &&
      (served.definition.storedAs?.definition ?? served.definition) === definition,
  );
  for (const rule of rules) {
    for (const served of others) {
      if (!matchesRule(rule, request, served.definition)) continue;
      const resource = resourceOf(served.definition);
      return {
        hook,
        kind: kindOf(served.definition),
        resource,
        served: convertible(served, request),
      };
    }
  }
  return undefined;
}

/** Subresources have kinds of their own, which are the same in every version. */
function convertible(
  served: Served | undefined,
  { object, old, definition }: AdmissionRequest,
): Served | undefined {
  return (object ?? old)?.kind === definition.kind ? served : undefined;
}

function matchesRule(
  { operations = [], apiGroups = [], apiVersions = [], resources = [], scope = '*' }: Rule,
  { operation, subresource = '', namespace, definition }: AdmissionRequest,
  { group, version, resource }: RequestResource,
): boolean {
  const names = (list: readonly string[], name: string) =>
    list.includes('*') || list.includes(name);
  const isOfCluster = namespace === undefined || isNamespace(definition);
  return (
    (scope === '*' || (scope === 'Cluster') === isOfCluster) &&
    names(operations, operation) &&
    names(apiGroups, group) &&
    names(apiVersions, version) &&
    resources.some((text) => {
      const [wanted = '', sub = ''] = text.split('/', 2);
      return (wanted === '*' || wanted === resource) && (sub === '*' || sub === subresource);
    })
  );
}

/** An object that changes is meant when it matches before or after. */
function matchesObject(
  selector: LabelSelector | undefined,
  { object, old }: AdmissionRequest,
): boolean {
  if (isEmpty(selector)) return true;
  const matches = (candidate: { readonly metadata?: object } | undefined): boolean =>
    candidate?.metadata !== undefined &&
    matchesSelector(selector, (candidate.metadata as { labels?: Labels }).labels);
  return matches(object) || matches(old);
}

/** A namespace is judged by its own labels; what is in no namespace is always meant. */
async function matchesNamespace(
  selector: LabelSelector | undefined,
  { definition, object, old, namespace }: AdmissionRequest,
  table: ResourceTable,
): Promise<boolean> {
  if (isEmpty(selector)) return true;
  if (isNamespace(definition)) return matchesSelector(selector, (object ?? old)?.metadata?.labels);
  if (namespace === undefined) return true;
  const labels = await labelsOfNamespace({ table }, namespace);
  if (labels === undefined) throw notFound({ group: '', resource: 'namespaces' }, namespace);
  return matchesSelector(selector, labels);
}

function isEmpty(selector: LabelSelector | undefined): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

export function isNamespace({ group, resource }: RequestResource): boolean {
  return group === '' && resource === 'namespaces';
}

function kindOf({ group, version, kind }: ResourceDefinition): RequestKind {
  return { group, version, kind };
}

function resourceOf({ group, version, resource }: RequestResource): RequestResource {
  return { group, version, resource };
}
