// webhook-configuration: the strategies of the two kinds that name admission webhooks, validating and mutating.
//
// Only the declaration is judged here; who calls the webhooks is admission. A configuration that is wrong would stop every
// write in the cluster, so it is looked at closely.
//
// Same rules upstream: pkg/apis/admissionregistration/v1/defaults.go, pkg/apis/admissionregistration/validation, and
// apiserver, pkg/util/webhook/validation.go.

import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1';
import { matchConditionProblem } from '../cel/match-conditions.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { validateFullyQualifiedName, validateQualifiedName } from './domain-rules.ts';
import { sameValue } from './equality.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
  tooMany,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1035Label, dns1123Subdomain } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateServiceOfClient, validateUrlOfClient } from './webhook-client.ts';

type Webhook = ValidatingWebhook | MutatingWebhook;
/** Go embeds these two in the rule; the published types have lost them. */
type Rule = RuleWithOperations & { resources?: string[]; scope?: string };

const REVIEW_VERSIONS: readonly string[] = ['v1', 'v1beta1'];
const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const TIMEOUT_MAX_SECONDS = 30;
const CONDITIONS_MAX = 64;
const HTTPS_PORT = 443;

export const validatingWebhookConfigurationStrategy: Strategy =
  configurationStrategy<ValidatingWebhookConfiguration>(() => []);

export const mutatingWebhookConfigurationStrategy: Strategy =
  configurationStrategy<MutatingWebhookConfiguration>((hook, field) =>
    chosen((hook as MutatingWebhook).reinvocationPolicy, REINVOCATION_POLICIES, field),
  );

function configurationStrategy<T extends KubernetesObject & { webhooks?: Webhook[] }>(
  validateReinvocation: (hook: Webhook, field: string) => FieldError[],
): Strategy {
  return defineStrategy<T>({
    metadata: { name: dns1123Subdomain, namespaced: false },
    hasStatus: false,
    hasGeneration: true,
    setDefaults({ kind, webhooks }) {
      for (const hook of webhooks ?? []) {
        setHookDefaults(hook);
        if (kind === 'MutatingWebhookConfiguration') {
          (hook as MutatingWebhook).reinvocationPolicy ??= 'Never';
        }
      }
    },
    prepareForUpdate(object, old) {
      const { generation = 1 } = old.metadata ?? {};
      const changed = !sameValue(object.webhooks, old.webhooks);
      object.metadata = { ...object.metadata, generation: changed ? generation + 1 : generation };
    },
    validate({ webhooks = [] }) {
      const names = new Set<string>();
      return webhooks.flatMap((hook, index) => {
        const field = `webhooks[${index}]`;
        const errors = [
          ...validateHook(hook, field),
          ...validateReinvocation(hook, `${field}.reinvocationPolicy`),
          ...validateVersions(
            hook.admissionReviewVersions ?? [],
            `${field}.admissionReviewVersions`,
          ),
        ];
        if (names.has(hook.name)) errors.push(duplicate(`${field}.name`, hook.name));
        if (hook.name !== '') names.add(hook.name);
        return errors;
      });
    },
  });
}

function setHookDefaults(hook: Webhook): void {
  hook.failurePolicy ??= 'Fail';
  hook.matchPolicy ??= 'Equivalent';
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= 10;
  for (const rule of (hook.rules ?? []) as Rule[]) rule.scope ??= '*';
  const { service } = hook.clientConfig ?? {};
  if (service !== undefined) service.port ??= HTTPS_PORT;
}

function chosen(value: string | undefined, valid: readonly string[], field: string): FieldError[] {
  return value === undefined || valid.includes(value) ? [] : [notSupported(field, value, valid)];
}

function validateHook(hook: Webhook, field: string): FieldError[] {
  const { name = '', rules = [], sideEffects, timeoutSeconds: seconds = 10 } = hook;
  return [
    ...validateFullyQualifiedName(name, `${field}.name`),
    ...rules.flatMap((rule, index) => validateRule(rule, `${field}.rules[${index}]`)),
    ...chosen(hook.failurePolicy, FAILURE_POLICIES, `${field}.failurePolicy`),
    ...chosen(hook.matchPolicy, MATCH_POLICIES, `${field}.matchPolicy`),
    ...(sideEffects === undefined
      ? [required(`${field}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`)]
      : chosen(sideEffects, SIDE_EFFECTS, `${field}.sideEffects`)),
    ...(seconds < 1 || seconds > TIMEOUT_MAX_SECONDS
      ? [
          invalidValue(
            `${field}.timeoutSeconds`,
            seconds,
            'the timeout value must be between 1 and 30 seconds',
          ),
        ]
      : []),
    ...validateLabelSelector(hook.namespaceSelector, `${field}.namespaceSelector`),
    ...validateLabelSelector(hook.objectSelector, `${field}.objectSelector`),
    ...validateClient(hook, `${field}.clientConfig`),
    ...validateConditions(hook.matchConditions ?? [], `${field}.matchConditions`),
  ];
}

function validateClient({ clientConfig }: Webhook, field: string): FieldError[] {
  const { url, service } = clientConfig ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [required(field, 'exactly one of url or service is required')];
  }
  return url === undefined
    ? validateServiceOfClient(service ?? {}, `${field}.service`)
    : validateUrlOfClient(url, `${field}.url`);
}

function validateConditions(
  conditions: readonly { readonly name: string; readonly expression: string }[],
  field: string,
): FieldError[] {
  const names = new Set<string>();
  const errors =
    conditions.length > CONDITIONS_MAX ? [tooMany(field, conditions.length, CONDITIONS_MAX)] : [];
  conditions.forEach(({ name = '', expression = '' }, index) => {
    const at = `${field}[${index}]`;
    if (expression.trim() === '') errors.push(required(`${at}.expression`));
    else errors.push(...validateExpression(expression.trim(), `${at}.expression`));
    if (name === '') {
      errors.push(required(`${at}.name`));
      return;
    }
    errors.push(...validateQualifiedName(name, `${at}.name`));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
  });
  return errors;
}

function validateExpression(expression: string, field: string): FieldError[] {
  const problem = matchConditionProblem(expression);
  return problem === undefined ? [] : [invalidValue(field, expression, problem)];
}

function validateRule(rule: Rule, field: string): FieldError[] {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  return [
    ...validateList(operations, `${field}.operations`, 'operations'),
    ...operations.flatMap((operation, index) =>
      chosen(operation, OPERATIONS, `${field}.operations[${index}]`),
    ),
    ...validateList(apiGroups, `${field}.apiGroups`, 'API groups'),
    ...validateList(apiVersions, `${field}.apiVersions`, 'API versions'),
    ...apiVersions.flatMap((version, index) =>
      version === '' ? [required(`${field}.apiVersions[${index}]`)] : [],
    ),
    ...validateResources(resources, `${field}.resources`),
    ...chosen(scope, SCOPES, `${field}.scope`),
  ];
}

/** Something must be there, and `*` stands alone. */
function validateList(values: readonly string[], field: string, what: string): FieldError[] {
  if (values.length === 0) return [required(field)];
  if (values.length === 1 || !values.includes('*')) return [];
  const detail = `if '*' is present, must not specify other ${what}`;
  return [invalidValue(field, values, detail)];
}

function validateResources(resources: readonly string[], field: string): FieldError[] {
  const errors = resources.length === 0 ? [required(field)] : [];
  const wholeResources = new Set<string>();
  const wholeSubresources = new Set<string>();
  resources.forEach((text, index) => {
    const at = `${field}[${index}]`;
    if (text === '') errors.push(required(at));
    const slash = text.indexOf('/');
    if (slash < 0) return;
    const resource = text.slice(0, slash);
    const subresource = text.slice(slash + 1);
    if (wholeResources.has(resource)) {
      const detail = `if '${resource}/*' is present, must not specify ${text}`;
      errors.push(invalidValue(at, text, detail));
    }
    if (wholeSubresources.has(subresource)) {
      const detail = `if '*/${subresource}' is present, must not specify ${text}`;
      errors.push(invalidValue(at, text, detail));
    }
    if (subresource === '*') wholeResources.add(resource);
    if (resource === '*') wholeSubresources.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    const detail = "if '*/*' is present, must not specify other resources";
    errors.push(invalidValue(field, resources, detail));
  }
  const lastPlain = resources.filter((text) => !text.includes('/')).at(-1);
  if (resources.includes('*') && lastPlain !== undefined && lastPlain !== '*') {
    const detail = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalidValue(field, resources, detail));
  }
  return errors;
}

function validateVersions(versions: readonly string[], field: string): FieldError[] {
  if (versions.length === 0) {
    return [required(field, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  }
  const errors = versions.flatMap((version, index) =>
    versions.indexOf(version) < index
      ? [invalidValue(`${field}[${index}]`, version, 'duplicate version')]
      : invalidValues(`${field}[${index}]`, version, dns1035Label(version)),
  );
  if (versions.some((version) => REVIEW_VERSIONS.includes(version))) return errors;
  const detail = `must include at least one of ${REVIEW_VERSIONS.join(', ')}`;
  return [...errors, invalidValue(field, versions, detail)];
}
