// formats: `!format.dns1123Label().validate(self.name).hasValue()`: Kubernetes' own rules for names and values.
//
// Same functions upstream: apiserver, pkg/cel/library/format.go.

import { type Environment, Optional } from '@marcbachmann/cel-js';
import { fitsFormat } from '../crd/formats.ts';
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  type NameRule,
  qualifiedName,
} from '../strategy/name-rules.ts';
import { declare, declareNamespace } from './declare.ts';
import { equal } from './equality.ts';

class Format {
  readonly validate: NameRule;

  constructor(validate: NameRule) {
    this.validate = validate;
  }
}

/** What stands in front of a name that the server makes up may end with a dash. */
const prefix =
  (rule: NameRule): NameRule =>
  (text) =>
    rule(text.replace(/-$/, 'a'));
const field =
  (format: string, message: string): NameRule =>
  (text) =>
    fitsFormat(text, format) ? [] : [message];

const FORMATS: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    dns1123Label,
    dns1123Subdomain,
    dns1035Label,
    qualifiedName,
    labelValue,
    dns1123LabelPrefix: prefix(dns1123Label),
    dns1123SubdomainPrefix: prefix(dns1123Subdomain),
    dns1035LabelPrefix: prefix(dns1035Label),
    uri: field('uri', 'invalid URI for request'),
    uuid: field('uuid', 'does not match the UUID format'),
    byte: field('byte', 'invalid base64'),
    date: field('date', 'invalid date'),
    datetime: field('datetime', 'invalid datetime'),
  }).map(([name, rule]) => [name, new Format(rule)]),
);

export function registerFormats(environment: Environment): void {
  environment.registerType('Format', Format).registerOperator('Format == Format', equal);
  declareNamespace(environment, 'format', {
    'named(string): optional<Format>': (name: string) => Optional.of(FORMATS.get(name)),
    ...Object.fromEntries(
      [...FORMATS].map(([name, format]) => [`${name}(): Format`, () => format]),
    ),
  });
  declare(environment, {
    'Format.validate(string): optional<list<string>>': ({ validate }: Format, text: string) => {
      const messages = validate(text);
      return messages.length === 0 ? Optional.none() : Optional.of([...messages]);
    },
  });
}
