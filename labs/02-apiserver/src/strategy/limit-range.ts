// limit-range: the strategy of limit ranges: what a single pod, container or claim in a namespace may ask for, and asks for
// when it says nothing.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go (SetDefaults_LimitRangeItem), pkg/apis/core/validation
// (ValidateLimitRange).

import type { LimitRange, LimitRangeItem } from 'kubernetes-types/core/v1';
import { nanoOfQuantity } from '../codec/quantity.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
} from './field-error.ts';
import { dns1123Subdomain, qualifiedName } from './name-rules.ts';
import { validateResourceName } from './quota-resources.ts';
import { validateContainerResourceName } from './resource-requirements.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const ONE = 10n ** 9n;
const TYPES: readonly string[] = ['Container', 'PersistentVolumeClaim', 'Pod'];
const LISTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
type List = (typeof LISTS)[number];
/** [lower list, higher list, whose field is blamed, the sentence]. */
const ORDER: readonly (readonly [List, List, List, string, string])[] = [
  ['min', 'max', 'min', 'min value', 'max value'],
  ['min', 'defaultRequest', 'defaultRequest', 'min value', 'default request value'],
  ['defaultRequest', 'max', 'defaultRequest', 'default request value', 'max value'],
  ['defaultRequest', 'default', 'defaultRequest', 'default request value', 'default limit value'],
  ['min', 'default', 'default', 'min value', 'default value'],
  ['default', 'max', 'default', 'default value', 'max value'],
];

export const limitRangeStrategy: Strategy = defineStrategy<LimitRange>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  setDefaults({ spec }) {
    for (const item of spec?.limits ?? []) setItemDefaults(item);
  },
  validate({ spec }) {
    const types = new Set<string>();
    return (spec?.limits ?? []).flatMap((item, index) => {
      const field = `spec.limits[${index}]`;
      const errors = validateType(item.type, `${field}.type`);
      if (types.has(item.type)) errors.push(duplicate(`${field}.type`, item.type));
      types.add(item.type);
      return [...errors, ...validateItem(item, field)];
    });
  },
});

/** What is not said follows from what is: the limit from the maximum, the request from the limit or the minimum. */
function setItemDefaults(item: LimitRangeItem): void {
  if (item.type !== 'Container') return;
  item.default = { ...item.max, ...item.default };
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
}

function validateType(type: string, field: string): FieldError[] {
  const messages = [...qualifiedName(type)];
  if (messages.length === 0 && !type.includes('/') && !TYPES.includes(type)) {
    messages.push('must be a standard limit type or fully qualified');
  }
  return invalidValues(field, type, messages);
}

function validateItem(item: LimitRangeItem, field: string): FieldError[] {
  const { type, min = {}, max = {} } = item;
  const errors: FieldError[] = [];
  const isOfPods = type === 'Pod';
  for (const list of LISTS) {
    const names = Object.keys(item[list] ?? {});
    if (isOfPods && list.startsWith('default')) {
      const detail = "may not be specified when `type` is 'Pod'";
      if (names.length > 0) errors.push(forbiddenField(`${field}.${list}`, detail));
      continue;
    }
    for (const name of names) errors.push(...validateName(type, name, `${field}.${list}[${name}]`));
  }
  if (type === 'PersistentVolumeClaim' && min.storage === undefined && max.storage === undefined) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(`${field}.limits`, detail));
  }
  const all = new Set(LISTS.flatMap((list) => Object.keys(item[list] ?? {})));
  return [...errors, ...[...all].flatMap((name) => validateAmounts(item, name, field))];
}

function validateName(type: string, name: string, field: string): FieldError[] {
  return type === 'Container' || type === 'Pod'
    ? validateContainerResourceName(name, field)
    : validateResourceName(name, field);
}

function validateAmounts(item: LimitRangeItem, name: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [low, high, blamed, lowText, highText] of ORDER) {
    const lower = item[low]?.[name];
    const higher = item[high]?.[name];
    if (lower === undefined || higher === undefined) continue;
    if (nanoOfQuantity(lower) <= nanoOfQuantity(higher)) continue;
    const value = blamed === 'default' && low !== 'default' ? lower : item[blamed]?.[name];
    const detail = `${lowText} ${lower} is greater than ${highText} ${higher}`;
    errors.push(invalidValue(`${field}.${blamed}[${name}]`, value, detail));
  }
  return [...errors, ...validateRatio(item, name, field)];
}

/** How many times more than it asks for a container may use. */
function validateRatio(item: LimitRangeItem, name: string, field: string): FieldError[] {
  const ratio = item.maxLimitRequestRatio?.[name];
  if (ratio === undefined) return [];
  const at = `${field}.maxLimitRequestRatio[${name}]`;
  if (nanoOfQuantity(ratio) < ONE)
    return [invalidValue(at, ratio, `ratio ${ratio} is less than 1`)];
  const min = item.min?.[name];
  const max = item.max?.[name];
  if (min === undefined || max === undefined) return [];
  const limit = Number(nanoOfQuantity(max)) / Number(nanoOfQuantity(min));
  if (Number(nanoOfQuantity(ratio)) / Number(ONE) <= limit) return [];
  return [invalidValue(at, ratio, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`)];
}
