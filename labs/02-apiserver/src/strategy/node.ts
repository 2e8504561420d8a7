// node: the strategy of nodes.
//
// A kubelet registers its node together with its status; later both go separate ways, spec by update, status by its subresource.
//
// Same rules upstream: pkg/registry/core/node/strategy.go, ValidateNode, ValidateNodeUpdate.

import type { Node, NodeSpec, Taint } from 'kubernetes-types/core/v1';
import { sameValue } from './equality.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from './name-rules.ts';
import { TAINT_EFFECTS } from './scheduling-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const CIDR = /^[0-9a-fA-F.:]+\/\d{1,3}$/;

export const nodeStrategy: Strategy = defineStrategy<Node>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasGeneration: false,
  statusOnCreate: true,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    // The list came later; the single field stays its first entry.
    if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
    if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
  },
  validate({ spec }) {
    const cidrs = spec?.podCIDRs ?? [];
    return [
      ...validateTaints(spec?.taints ?? [], 'spec.taints'),
      ...cidrs.flatMap((cidr, index) =>
        CIDR.test(cidr)
          ? []
          : [
              invalidValue(
                `spec.podCIDRs[${index}]`,
                cidr,
                'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
              ),
            ],
      ),
    ];
  },
  validateUpdate: (node, old) => validateSpecUpdate(node.spec ?? {}, old.spec ?? {}),
});

function validateTaints(taints: readonly Taint[], field: string): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, index) => {
    const at = `${field}[${index}]`;
    const { key, value = '', effect = '' } = taint;
    const errors = [
      ...invalidValues(`${at}.key`, key, qualifiedName(key)),
      ...invalidValues(`${at}.value`, value, labelValue(value)),
    ];
    if (effect === '') errors.push(required(`${at}.effect`));
    else if (!(TAINT_EFFECTS as readonly string[]).includes(effect)) {
      errors.push(notSupported(`${at}.effect`, effect, TAINT_EFFECTS));
    }
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      const detail = 'taints must be unique by key and effect pair';
      errors.push({ ...duplicate(at, taint), detail });
    }
    seen.add(pair);
    return errors;
  });
}

function validateSpecUpdate(spec: NodeSpec, old: NodeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (old.podCIDRs?.length && !sameValue(spec.podCIDRs, old.podCIDRs)) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    errors.push(forbiddenField('spec.podCIDRs', detail));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    errors.push(forbiddenField('spec.providerID', detail));
  }
  if (!sameValue(fixedParts(spec), fixedParts(old))) {
    errors.push(forbiddenField('', 'node updates may only change labels, taints, or capacity'));
  }
  return errors;
}

function fixedParts({
  podCIDR,
  podCIDRs,
  providerID,
  taints,
  unschedulable,
  ...rest
}: NodeSpec): object {
  return rest;
}
