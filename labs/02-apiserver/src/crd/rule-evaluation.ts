// rule-evaluation: judges an object by the rules of its schema (`x-kubernetes-validations`).
//
// From the root down, each value by the rules that stand at its schema; null is nothing to be judged. A rule that speaks of `oldSelf` is about a
// change: it is asked only where there was a value before, which can be told for fields, values of maps and items of lists that are maps.
//
// An update is not refused for what was there before: when neither a value nor what it is in has changed, what its rules have against it does
// not count (upstream calls it ratcheting). Rules about changes always count.
//
// What all rules may cost together is limited; when nothing is left, that is the error.
//
// Same behaviour upstream: apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go, and apiserver, pkg/cel/common/equality.go.
// Left out: no warning for what does not count; for that, a list that is a map has changed when its order has.

import { isDeepStrictEqual } from 'node:util';
import { Optional } from '@marcbachmann/cel-js';
import { OBJECT_BUDGET, PER_CALL_LIMIT } from '../cel/cost.ts';
import type { Outcome, Program } from '../cel/program.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  required,
} from '../strategy/field-error.ts';
import type { CompiledRule, RuleNode } from './compiled-rules.ts';
import { isJsonObject, type JsonObject, type ValidationRule } from './json-schema.ts';

const NOWHERE = '<nil>';
/** A million items that are all wrong must not make an answer of a million lines. */
const PER_COMPLAINT = 1000;
const MESSAGE_BYTES_MAX = 5 * 1024;
const NOTHING_LEFT =
  'validation failed due to running out of cost budget, no further validation rules will be run';
const NOTHING_LEFT_FOR_MESSAGE =
  'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';

/** `old` is undefined for an object that is being made. */
export function evaluateRules(root: RuleNode, object: unknown, old?: unknown): FieldError[] {
  const evaluation = new Evaluation();
  evaluation.judge(root, { path: '', value: object, old, isKept: () => false });
  return evaluation.errors;
}

/** A value and where it stands. */
interface Place {
  readonly path: string;
  readonly value: unknown;
  /** What `oldSelf` is; undefined when that cannot be told. */
  readonly old: unknown;
  /** What an update may leave as it was; undefined when that cannot be told, and then what the value is in decides. */
  readonly before?: unknown;
  /** What it is in has not changed. */
  readonly isKept: () => boolean;
}

class Evaluation {
  readonly errors: FieldError[] = [];
  #budget = OBJECT_BUDGET;
  #isOver = false;

  judge(node: RuleNode, place: Place): void {
    const { value } = place;
    if (this.#isOver || value === undefined || value === null) return;
    if (node.type !== undefined) this.#judgeHere(node, place);
    if (Array.isArray(value)) this.#judgeItems(node, value, place);
    else if (isJsonObject(value)) this.#judgeFields(node, value, place);
  }

  /** Rules in their order; the first that ends everything ends everything. */
  #judgeHere(node: RuleNode, place: Place): void {
    const variables = variablesOf(node, place);
    for (const rule of node.rules) {
      const { program, usesOldSelf, source, error } = rule;
      if (this.#isOver) return;
      if (error !== undefined) this.#complain(node, place, `rule compile error: ${error}`);
      if (program === undefined) continue;
      const isOptional = source.optionalOldSelf === true;
      if (usesOldSelf && !isOptional && isAbsent(place.old)) continue;
      const here = isOptional ? variables.optional : variables.plain;
      const outcome = this.#run(program, here);
      if (outcome === 'over') this.#end(node, place, NOTHING_LEFT);
      else if (outcome.kind === 'exceeded') this.#end(node, place, limitText(source));
      else if (outcome.kind === 'failed') this.#complain(node, place, failureText(outcome, source));
      else if (outcome.value !== true) this.#refuse(node, place, rule, here);
    }
  }

  /** 'over': the object's budget, not the rule's own limit, was too small. */
  #run(program: Program, variables: object): Outcome | 'over' {
    const limit = Math.min(PER_CALL_LIMIT, this.#budget);
    const outcome = program.run(variables, limit);
    if (outcome.kind !== 'exceeded') this.#budget -= outcome.cost;
    return outcome.kind === 'exceeded' && limit < PER_CALL_LIMIT ? 'over' : outcome;
  }

  /** A rule did not hold: says so, in the words that it asks for, unless an update left everything as it was. */
  #refuse(node: RuleNode, place: Place, rule: CompiledRule, variables: object): void {
    const { source, fieldPath, usesOldSelf } = rule;
    if (!usesOldSelf && isUnchanged(place)) return;
    const made = rule.message === undefined ? undefined : this.#run(rule.message, variables);
    if (made === 'over' || made?.kind === 'exceeded') {
      this.#end(node, place, made === 'over' ? NOTHING_LEFT_FOR_MESSAGE : messageLimitText(source));
      return;
    }
    const own = messageOf(source) ?? `failed rule: ${ruleText(source)}`;
    const detail = made?.kind === 'value' ? (usable(made.value) ?? own) : own;
    const field = fieldPath === '' ? place.path : child(place.path, fieldPath);
    this.#add(errorFor(field === '' ? NOWHERE : field, node, { detail, source }));
  }

  #complain({ schema }: RuleNode, { path }: Place, detail: string): void {
    this.#add(invalidValue(path === '' ? NOWHERE : path, schema.type ?? '', detail));
  }

  #add(error: FieldError): void {
    this.errors.push(error);
    this.#budget -= PER_COMPLAINT;
  }

  #end(node: RuleNode, place: Place, detail: string): void {
    this.#complain(node, place, detail);
    this.#isOver = true;
  }

  /**
   * What was there before is found by keys in a list that is a map. In a list of no type an item at the same place may stay as it was, but it is no
   * `oldSelf`; of sets and atomic lists nothing is known but the whole.
   */
  #judgeItems({ items, schema }: RuleNode, list: readonly unknown[], place: Place): void {
    if (items === undefined) return;
    const listType = schema['x-kubernetes-list-type'];
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const isKept = once(() => isUnchanged(place));
    const keyed = listType === 'map' ? byKeys(place.old, keys) : undefined;
    const around = listType === undefined && Array.isArray(place.before) ? place.before : [];
    list.forEach((value, index) => {
      const old = keyed?.get(keyOf(value, keys));
      this.judge(items, {
        path: `${place.path}[${index}]`,
        value,
        old,
        before: old ?? around[index],
        isKept,
      });
    });
  }

  #judgeFields({ values, properties }: RuleNode, object: JsonObject, place: Place): void {
    const isKept = once(() => isUnchanged(place));
    for (const [name, value] of Object.entries(object)) {
      const property = properties.get(name);
      const node = property ?? values;
      if (node === undefined) continue;
      this.judge(node, {
        path: property === undefined ? `${place.path}[${name}]` : child(place.path, name),
        value,
        old: fieldOf(place.old, name),
        before: fieldOf(place.before ?? place.old, name),
        isKept,
      });
    }
  }
}

function child(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function fieldOf(object: unknown, name: string): unknown {
  return isJsonObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** By itself where that can be told, else by what it is in. */
function isUnchanged({ value, old, before = old, isKept }: Place): boolean {
  return before === undefined ? isKept() : isDeepStrictEqual(value, before);
}

/** Many may ask, and comparing takes its time. */
function once(find: () => boolean): () => boolean {
  let found: boolean | undefined;
  return () => {
    found ??= find();
    return found;
  };
}

function byKeys(list: unknown, keys: readonly string[]): ReadonlyMap<string, unknown> {
  return new Map(Array.isArray(list) ? list.map((item) => [keyOf(item, keys), item]) : []);
}

function keyOf(item: unknown, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => fieldOf(item, key)));
}

/** Values are converted when a rule asks for them, inside of its evaluation: what cannot be converted is its error. */
function variablesOf({ type }: RuleNode, { value, old }: Place) {
  let self: unknown;
  let oldSelf: unknown;
  const plain = {
    get self(): unknown {
      self ??= type?.convert(value);
      return self;
    },
    get oldSelf(): unknown {
      oldSelf ??= isAbsent(old) ? undefined : type?.convert(old);
      return oldSelf;
    },
  };
  const optional = {
    get self(): unknown {
      return plain.self;
    },
    get oldSelf(): Optional {
      return Optional.of(plain.oldSelf);
    },
  };
  return { plain, optional };
}

function messageOf({ message = '' }: ValidationRule): string | undefined {
  return message === '' ? undefined : message.trim();
}

function ruleText(source: ValidationRule): string {
  return messageOf(source) ?? (source.rule ?? '').trim();
}

function limitText(source: ValidationRule): string {
  return `'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${ruleText(source)}`;
}

function messageLimitText({ messageExpression }: ValidationRule): string {
  return `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`;
}

function failureText({ message }: { readonly message: string }, source: ValidationRule): string {
  return message.startsWith('no such overload')
    ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(source)}`
    : `${message} evaluating rule: ${ruleText(source)}`;
}

/** A message that was made must be one line of some length; else the rule's own is taken. */
function usable(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  const isFit = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MESSAGE_BYTES_MAX;
  return isFit ? text : undefined;
}

function errorFor(
  field: string,
  { schema }: RuleNode,
  { detail, source }: { detail: string; source: ValidationRule },
): FieldError {
  const value = schema.type ?? '';
  switch (source.reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return duplicate(field, value);
    default:
      return invalidValue(field, value, detail);
  }
}
