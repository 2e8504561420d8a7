// quantity: resource amounts, read and written as upstream does.
//
// A quantity is a decimal number with an SI suffix (100m, 2k), a binary one (1Gi) or an exponent (12e6). The server stores
// the canonical form: no fraction, and the largest suffix that keeps the number whole; so 0.5 is stored as 500m, 1024Mi as 1Gi.
// Exact arithmetic in BigInt, in units of 10⁻⁹: what is finer is rounded up, as upstream does.
//
// Same rules upstream: apimachinery, pkg/api/resource (Quantity).

/** The message is upstream's. */
export class QuantityError extends Error {}

type Format = 'decimalSi' | 'binarySi' | 'decimalExponent';
interface Quantity {
  /** In units of 10⁻⁹. */
  readonly nano: bigint;
  readonly format: Format;
}

/** No digits where the digits before could go on: else a long number that is none keeps the machine busy for minutes. */
const SPLIT = /^([+-]?)(\d*)(?:\.(\d*))?((?:[eEinumkKMGTP]+[-+]?\d*|[-+]\d*)?)$/;
const FORMAT_WRONG =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NANO = 9;
const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;
/** Larger amounts are capped, as they are upstream (2⁶³-1). */
const MAX = (2n ** 63n - 1n) * 10n ** 9n;

/** The canonical form; throws QuantityError. */
export function canonicalQuantity(text: string): string {
  return format(parse(text.trim()));
}

/** The amount in units of 10⁻⁹, for exact comparison; throws QuantityError. */
export function nanoOfQuantity(text: string | number): bigint {
  return parse(String(text).trim()).nano;
}

function parse(text: string): Quantity {
  const parts = SPLIT.exec(text);
  if (parts === null) throw new QuantityError(FORMAT_WRONG);
  const [, sign, whole = '', fraction = '', suffix = ''] = parts;
  if (whole === '' && fraction === '') throw new QuantityError(FORMAT_WRONG);
  const { multiplier, exponent, format: own } = interpret(suffix);
  const digits = BigInt(whole + fraction) * multiplier;
  const amount = scale(digits, exponent - fraction.length + NANO);
  const capped = amount > MAX ? MAX : amount;
  return { nano: sign === '-' ? -capped : capped, format: own };
}

function interpret(suffix: string): { multiplier: bigint; exponent: number; format: Format } {
  const decimal = DECIMAL_SUFFIXES.indexOf(suffix as (typeof DECIMAL_SUFFIXES)[number]);
  if (decimal >= 0) return { multiplier: 1n, exponent: decimal * 3 - NANO, format: 'decimalSi' };
  const binary = BINARY_SUFFIXES.indexOf(suffix as (typeof BINARY_SUFFIXES)[number]);
  if (binary > 0) {
    return { multiplier: 1024n ** BigInt(binary), exponent: 0, format: 'binarySi' };
  }
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)?.[1];
  if (exponent === undefined || exponent.length > 4) {
    throw new QuantityError("unable to parse quantity's suffix");
  }
  return { multiplier: 1n, exponent: Number(exponent), format: 'decimalExponent' };
}

function scale(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (digits + divisor - 1n) / divisor;
}

function format({ nano, format: wanted }: Quantity): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const amount = nano < 0n ? -nano : nano;
  const one = 10n ** BigInt(NANO);
  if (wanted === 'binarySi' && amount >= 1024n * one) {
    return sign + formatBinary((amount + one - 1n) / one);
  }
  return sign + formatDecimal(amount, wanted === 'decimalExponent');
}

function formatBinary(whole: bigint): string {
  let suffix = 0;
  let rest = whole;
  while (rest % 1024n === 0n && suffix < BINARY_SUFFIXES.length - 1) {
    rest /= 1024n;
    suffix += 1;
  }
  return `${rest}${BINARY_SUFFIXES[suffix]}`;
}

function formatDecimal(nano: bigint, exponentForm: boolean): string {
  let step = 0;
  let rest = nano;
  while (rest % 1000n === 0n && step < DECIMAL_SUFFIXES.length - 1) {
    rest /= 1000n;
    step += 1;
  }
  if (!exponentForm) return `${rest}${DECIMAL_SUFFIXES[step]}`;
  const exponent = step * 3 - NANO;
  return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
}
