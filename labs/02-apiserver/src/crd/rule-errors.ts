// rule-errors: what is wrong with the rules of a schema (`x-kubernetes-validations`), when a definition is written.
//
// First their form, with all else that is wrong with the schema. Only when nothing is, they are compiled: in a wrong schema the types are wrong
// too. Compiling finds misspelled fields, wrong types, and `oldSelf` where nobody could tell what it is: inside of lists that are no maps.
// At last defaults are judged by the rules, which every object that relies on them will have to pass.
//
// Same rules upstream: apiextensions-apiserver, pkg/apis/apiextensions/validation/validation.go.
// Left out: the estimate of what a rule may cost at most (see cel/cost.ts).

import { type FieldError, invalidValue, notSupported, required } from '../strategy/field-error.ts';
import { type CompiledRule, compileRules, type RuleNode } from './compiled-rules.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';
import { evaluateRules } from './rule-evaluation.ts';
import { parseFieldPath } from './rule-field-path.ts';

const REASONS = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];
const MESSAGE_LENGTH_MAX = 2048;

/** Of the rules at this schema, not below. */
export function ruleFormErrors(schema: JsonSchema, path: string): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  return rules.flatMap((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    return [
      ...textErrors(rule, at),
      ...reasonErrors(rule, at),
      ...fieldPathErrors(rule, schema, `${at}.fieldPath`),
    ];
  });
}

/** Rule and messages are told one mistake at a time, as upstream does. */
function textErrors(rule: ValidationRule, at: string): FieldError[] {
  const { message = '', messageExpression = '' } = rule;
  const text = (rule.rule ?? '').trim();
  const errors: FieldError[] = [];
  const wrongMessage = (words: string, shown = message): void => {
    errors.push(invalidValue(`${at}.message`, shown, words));
  };
  if (text === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') {
    wrongMessage('message must be non-empty if specified');
  } else if (message.length > MESSAGE_LENGTH_MAX) {
    const words = `message must have a maximum length of ${MESSAGE_LENGTH_MAX} characters`;
    wrongMessage(words, `${message.slice(0, 10)}...`);
  } else if (hasNewlines(message.trim())) {
    wrongMessage('message must not contain line breaks');
  } else if (hasNewlines(text) && message.trim() === '') {
    const words = 'message must be specified if rule contains line breaks';
    errors.push(required(`${at}.message`, words));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    const words = 'messageExpression must be non-empty if specified';
    errors.push(required(`${at}.messageExpression`, words));
  }
  return errors;
}

function reasonErrors({ reason }: ValidationRule, at: string): FieldError[] {
  if (reason === undefined || REASONS.includes(reason)) return [];
  return [notSupported(`${at}.reason`, reason, REASONS)];
}

function fieldPathErrors(
  { fieldPath = '' }: ValidationRule,
  schema: JsonSchema,
  at: string,
): FieldError[] {
  if (fieldPath === '') return [];
  const errors: FieldError[] = [];
  if (fieldPath.trim() === '') {
    errors.push(invalidValue(at, fieldPath, 'fieldPath must be non-empty if specified'));
  }
  if (hasNewlines(fieldPath)) {
    errors.push(invalidValue(at, fieldPath, 'fieldPath must not contain line breaks'));
  }
  const parsed = parseFieldPath(fieldPath, schema);
  if (parsed.kind === 'wrong') {
    errors.push(invalidValue(at, fieldPath, `fieldPath must be a valid path: ${parsed.why}`));
  }
  return errors;
}

function hasNewlines(text: string): boolean {
  return /[\n\r]/.test(text);
}

/** For a schema in which nothing else is wrong. */
export function ruleErrors(schema: JsonSchema, path: string): FieldError[] {
  const root = compileRules(schema);
  return root === undefined ? [] : nodeErrors(root, path, undefined);
}

/** `unordered` is the path of the outermost list around it whose items nobody can tell from each other. */
function nodeErrors(node: RuleNode, path: string, unordered: string | undefined): FieldError[] {
  const { schema, rules, items, values, properties } = node;
  const isKeyed = schema['x-kubernetes-list-type'] === 'map';
  const own = rules.flatMap((rule, index) =>
    compileErrors(rule, node, { at: `${path}.x-kubernetes-validations[${index}]`, unordered }),
  );
  return [
    ...own,
    ...(own.length === 0 ? defaultErrors(node, `${path}.default`) : []),
    ...(values === undefined ? [] : nodeErrors(values, `${path}.additionalProperties`, unordered)),
    ...[...properties].flatMap(([name, property]) =>
      nodeErrors(property, `${path}.properties[${name}]`, unordered),
    ),
    ...(items === undefined
      ? []
      : nodeErrors(items, `${path}.items`, isKeyed ? unordered : (unordered ?? path))),
  ];
}

function compileErrors(
  { source, error, messageError, usesOldSelf }: CompiledRule,
  { type }: RuleNode,
  { at, unordered }: { at: string; unordered: string | undefined },
): FieldError[] {
  if (type === undefined) {
    const detail =
      'internal error: failed to retrieve type information for x-kubernetes-validations';
    return [{ type: 'InternalError', field: at.replace(/\[\d+\]$/, ''), detail }];
  }
  const errors: FieldError[] = [];
  const shown = goStruct(source);
  if (error !== undefined) errors.push(invalidValue(`${at}.rule`, shown, error));
  if (messageError !== undefined) {
    errors.push(invalidValue(`${at}.messageExpression`, shown, messageError));
  }
  if (usesOldSelf && unordered !== undefined) {
    const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${unordered}`;
    errors.push(invalidValue(`${at}.rule`, source.rule, detail));
  }
  return errors;
}

/** Shown by the names that its fields have in Go. */
function goStruct(rule: ValidationRule): object {
  return {
    Rule: rule.rule ?? '',
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}

/** As if an object was made that relies on the default. */
function defaultErrors(node: RuleNode, path: string): FieldError[] {
  if (node.schema.default === undefined) return [];
  return evaluateRules(node, node.schema.default).map((error) => ({
    ...error,
    field: error.field === '<nil>' ? path : `${path}.${error.field}`,
  }));
}
