// name-rules: which strings are names, labels, ports and keys; each rule answers with upstream's sentences.
//
// A rule is a function from a value to the messages about it: none when the value is fine. The sentences quote the regular
// expression, because a person who gets one wants to know what would be right.
//
// Same rules upstream: apimachinery, pkg/util/validation and pkg/api/validate/content.

export type NameRule = (value: string) => readonly string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const DNS_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const HTTP_HEADER = '[-A-Za-z0-9]+';
const PERCENT = '[0-9]+%';
const LABEL_MAX_BYTES = 63;
const SUBDOMAIN_MAX_BYTES = 253;
const PORT_NAME_MAX_BYTES = 15;

const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const DNS_1035_WORDS =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const QUALIFIED_WORDS =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const CONFIG_KEY_WORDS =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";

/** Compiled once: validation runs on every write. */
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const labelPattern = whole(LABEL);
const subdomainPattern = whole(SUBDOMAIN);
const dns1035Pattern = whole(DNS_1035);
const qualifiedPattern = whole(QUALIFIED);
const labelValuePattern = whole(LABEL_VALUE);
const configKeyPattern = whole(CONFIG_KEY);
const httpHeaderPattern = whole(HTTP_HEADER);
const percentPattern = whole(PERCENT);

export function regexMessage(
  words: string,
  pattern: string,
  ...examples: readonly string[]
): string {
  const list = examples.map((example) => `'${example}', `).join(' or ');
  const lead = examples.length === 0 ? '' : `e.g. ${list}`;
  return `${words} (${lead}regex used for validation is '${pattern}')`;
}

function lengthMessages(value: string, bytesMax: number): string[] {
  return Buffer.byteLength(value) > bytesMax ? [`must be no more than ${bytesMax} bytes`] : [];
}

export function inclusiveRange(min: number, max: number): string {
  return `must be between ${min} and ${max}, inclusive`;
}

export const dns1123Label: NameRule = (value) => {
  const messages = lengthMessages(value, LABEL_MAX_BYTES);
  if (labelPattern.test(value)) return messages;
  return [
    ...messages,
    subdomainPattern.test(value)
      ? 'must not contain dots'
      : regexMessage(LABEL_WORDS, LABEL, 'my-name', '123-abc'),
  ];
};

export const dns1123Subdomain: NameRule = (value) => {
  const messages = lengthMessages(value, SUBDOMAIN_MAX_BYTES);
  if (subdomainPattern.test(value)) return messages;
  return [...messages, regexMessage(SUBDOMAIN_WORDS, SUBDOMAIN, 'example.com')];
};

export const dns1035Label: NameRule = (value) => {
  const messages = lengthMessages(value, LABEL_MAX_BYTES);
  if (dns1035Pattern.test(value)) return messages;
  return [...messages, regexMessage(DNS_1035_WORDS, DNS_1035, 'my-name', 'abc-123')];
};

/** What may stand as one segment of a path: names of roles, and of resources whose names have no other rule. */
export const pathSegment: NameRule = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].flatMap((char) => (value.includes(char) ? [`may not contain '${char}'`] : []));
};

/** Keys of labels, annotations, finalizers, taints: `name` or `example.com/name`. */
export const qualifiedName: NameRule = (value) => {
  const parts = value.split('/');
  if (parts.length > 2) {
    const words = regexMessage(
      `a qualified name ${QUALIFIED_WORDS}`,
      QUALIFIED,
      'MyName',
      'my.name',
      '123-abc',
    );
    return [`${words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) ?? '';
  return [...prefixMessages(parts), ...qualifiedPartMessages(name)];
};

function prefixMessages(parts: readonly string[]): string[] {
  const [prefix = ''] = parts;
  if (parts.length < 2) return [];
  if (prefix === '') return ['prefix part must be non-empty'];
  return dns1123Subdomain(prefix).map((message) => `prefix part ${message}`);
}

function qualifiedPartMessages(name: string): string[] {
  const messages =
    name === ''
      ? ['name part must be non-empty']
      : lengthMessages(name, LABEL_MAX_BYTES).map((message) => `name part ${message}`);
  if (qualifiedPattern.test(name)) return messages;
  const words = `name part ${QUALIFIED_WORDS}`;
  return [...messages, regexMessage(words, QUALIFIED, 'MyName', 'my.name', '123-abc')];
}

export const labelValue: NameRule = (value) => {
  const messages = lengthMessages(value, LABEL_MAX_BYTES);
  if (labelValuePattern.test(value)) return messages;
  return [
    ...messages,
    regexMessage(LABEL_VALUE_WORDS, LABEL_VALUE, 'MyValue', 'my_value', '12345'),
  ];
};

export const configMapKey: NameRule = (value) => {
  const messages = lengthMessages(value, SUBDOMAIN_MAX_BYTES);
  if (!configKeyPattern.test(value)) {
    const examples = ['key.name', 'KEY_NAME', 'key-name'];
    messages.push(regexMessage(CONFIG_KEY_WORDS, CONFIG_KEY, ...examples));
  }
  if (value === '.') messages.push("must not be '.'");
  if (value === '..') messages.push("must not be '..'");
  else if (value.startsWith('..')) messages.push("must not start with '..'");
  return messages;
};

export const portName: NameRule = (value) => [
  ...lengthMessages(value, PORT_NAME_MAX_BYTES),
  ...(/^[-a-z0-9]+$/.test(value)
    ? []
    : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(value) ? [] : ['must contain at least one letter (a-z)']),
  ...(value.includes('--') ? ['must not contain consecutive hyphens'] : []),
  ...(/^-|-$/.test(value) ? ['must not begin or end with a hyphen'] : []),
];

/** Environment variables: any printable ASCII but '=', since the rule was relaxed. */
export const envVarName: NameRule = (value) => {
  if (value === '') return ['environment variable name must be non-empty'];
  const words =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
  return /^[ -<>-~]+$/.test(value) ? [] : [words];
};

export const httpHeaderName: NameRule = (value) =>
  httpHeaderPattern.test(value)
    ? []
    : [
        regexMessage(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          HTTP_HEADER,
          'X-Header-Name',
        ),
      ];

export const percent: NameRule = (value) =>
  percentPattern.test(value)
    ? []
    : [
        regexMessage(
          "a valid percent string must be a numeric string followed by an ending '%'",
          PERCENT,
          '1%',
          '93%',
        ),
      ];

/** 0 is for the caller to judge: in some fields it means "none". */
export function portNumberMessages(port: number): readonly string[] {
  return port >= 1 && port <= 65_535 ? [] : [inclusiveRange(1, 65_535)];
}
