// formats: what the `format` of a string in a schema asks for.
//
// Only the formats that upstream checks are checked; any other name is a remark for readers. A format is known by its name
// without dashes (`date-time` and `datetime` are one), as in Go's library.
//
// Same list upstream: apiextensions-apiserver, pkg/apiserver/validation/formats.go over kube-openapi, pkg/validation/strfmt.
// Left out: the full grammar of mail addresses (net/mail); a name and one @ in the right place will do.

import { isIP, isIPv4, isIPv6 } from 'node:net';
import { canonicalQuantity } from '../codec/quantity.ts';

type Check = (text: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const HEX = '[0-9a-f]';
const uuid = (third: string, fourth: string): Check =>
  matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?${third}-?${fourth}-?${HEX}{12}$`, 'i'));
const ANY_QUARTET = `${HEX}{4}`;
const VARIANT_QUARTET = `[89ab]${HEX}{3}`;

const HOSTNAME_MAX_BYTES = 255;
const LABEL_MAX_BYTES = 63;
const hostnamePattern =
  /^(?:[a-zA-Z0-9\p{S}\p{L}](?:-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?|(?:[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?\.)+[a-zA-Z0-9\p{S}\p{L}](?:-?[a-zA-Z0-9\p{S}\p{L}]){1,62})$/u;
const creditCardPattern =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
const dateTimePattern =
  /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})$/;
/** Digits stand on one side of the point only: each text can be read in one way, so a long one is refused at once. */
const goDurationPattern = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** The form that Scala's library reads too. */
const wordDurationPattern =
  /^\d+\s*(?:ns|nano(?:second)?s?|us|µs|micro(?:second)?s?|ms|milli(?:second)?s?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)$/;

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['bsonobjectid', matches(/^[0-9a-fA-F]{24}$/)],
  ['uri', isRequestUri],
  ['email', matches(/^(?:[^<>]*<)?[^\s@<>]+@[^\s@<>]+>?$/)],
  ['hostname', isHostname],
  ['ipv4', isIPv4],
  ['ipv6', isIPv6],
  ['cidr', isCidr],
  [
    'mac',
    matches(/^[0-9a-f]{2}(?:([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}(?:(?:\1[0-9a-f]{2}){2})?)$/i),
  ],
  ['uuid', uuid(ANY_QUARTET, ANY_QUARTET)],
  ['uuid3', uuid(`3${HEX}{3}`, ANY_QUARTET)],
  ['uuid4', uuid(`4${HEX}{3}`, VARIANT_QUARTET)],
  ['uuid5', uuid(`5${HEX}{3}`, VARIANT_QUARTET)],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['rgbcolor', isRgbColor],
  [
    'byte',
    matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  ],
  ['password', () => true],
  ['date', (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text)],
  ['duration', (text) => goDurationPattern.test(text) || wordDurationPattern.test(text)],
  ['datetime', (text) => dateTimePattern.test(text) && isDay(text.slice(0, 10))],
  ['quantity', isQuantity],
  [
    'k8sshortname',
    (text) => text.length <= LABEL_MAX_BYTES && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text),
  ],
  ['k8slongname', isLongName],
]);

/** True for a format that is checked: others mean nothing to the server. */
export function isKnownFormat(format: string): boolean {
  return CHECKS.has(normalized(format));
}

/** Unknown formats fit everything. */
export function fitsFormat(text: string, format: string): boolean {
  return CHECKS.get(normalized(format))?.(text) ?? true;
}

function normalized(format: string): string {
  return format.replaceAll('-', '');
}

/** What may stand in a request line: an absolute path, or a whole URL. */
function isRequestUri(text: string): boolean {
  return /^\/[^\s]*$/.test(text) || /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/.test(text);
}

function isHostname(text: string): boolean {
  return (
    hostnamePattern.test(text) &&
    Buffer.byteLength(text) <= HOSTNAME_MAX_BYTES &&
    text.split('.').every((label) => Buffer.byteLength(label) <= LABEL_MAX_BYTES)
  );
}

function isCidr(text: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (index + 1) * (digit === 'X' ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3),
    0,
  );
  return sum % 10 === 0;
}

/** The issuers' prefixes, and Luhn's sum. */
function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (!creditCardPattern.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
  const parts = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return parts?.slice(1).every((part) => Number(part) <= 255) ?? false;
}

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isQuantity(text: string): boolean {
  try {
    canonicalQuantity(text);
    return true;
  } catch {
    return false;
  }
}

function isLongName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(text)
  );
}
