// conversion-rules: how a CustomResourceDefinition says that its versions are turned into each other.
//
// `None` is what this server does: the fields are the same, only apiVersion changes. A definition that asks for a webhook is
// valid and kept, as upstream would, but its webhook is never called.
//
// Same rules upstream: apiextensions-apiserver, pkg/apis/apiextensions/validation (validateCustomResourceConversion).

import {
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
} from '../strategy/field-error.ts';
import { dns1035Label } from '../strategy/name-rules.ts';
import type { CustomResourceDefinitionSpec } from './definition.ts';

const STRATEGIES = ['None', 'Webhook'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export function conversionErrors({ conversion }: CustomResourceDefinitionSpec): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy = '', webhook } = conversion;
  const path = 'spec.conversion';
  const errors: FieldError[] = [];
  if (strategy === '') errors.push(required(`${path}.strategy`));
  else if (!STRATEGIES.includes(strategy)) {
    errors.push(notSupported(`${path}.strategy`, strategy, STRATEGIES));
  }
  const atClient = `${path}.webhookClientConfig`;
  const atVersions = `${path}.conversionReviewVersions`;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== 'Webhook') {
    const words = 'should not be set when strategy is not set to Webhook';
    if (webhook?.clientConfig !== undefined) errors.push(forbiddenField(atClient, words));
    if (versions.length > 0) errors.push(forbiddenField(atVersions, words));
    return errors;
  }
  const client = webhook?.clientConfig;
  if (client === undefined) {
    errors.push(required(atClient, 'required when strategy is set to Webhook'));
  } else if ((client.url === undefined) === (client.service === undefined)) {
    errors.push(required(atClient, 'exactly one of url or service is required'));
  }
  return [...errors, ...reviewVersionErrors(versions, atVersions)];
}

function reviewVersionErrors(versions: readonly string[], path: string): FieldError[] {
  if (versions.length === 0) return [required(path)];
  const errors = versions.flatMap((version, index) =>
    versions.indexOf(version) < index
      ? [invalidValue(`${path}[${index}]`, version, 'duplicate version')]
      : dns1035Label(version).map((text) => invalidValue(`${path}[${index}]`, version, text)),
  );
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    const words = `must include at least one of ${REVIEW_VERSIONS.join(', ')}`;
    errors.push(invalidValue(path, versions, words));
  }
  return errors;
}
