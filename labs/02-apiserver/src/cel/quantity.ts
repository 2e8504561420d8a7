// quantity: resource amounts in expressions: `quantity(self.memory).isLessThan(quantity('1Gi'))`.
//
// Same functions upstream: apiserver, pkg/cel/library/quantity.go.

import type { Environment } from '@marcbachmann/cel-js';
import { nanoOfQuantity } from '../codec/quantity.ts';
import { declare, succeeds } from './declare.ts';
import { EQUALS } from './equality.ts';

const ONE = 10n ** 9n;

/** An amount in units of 10⁻⁹, which is as fine as upstream keeps it. How it was written does not matter. */
class Quantity {
  readonly nano: bigint;

  constructor(nano: bigint) {
    this.nano = nano;
  }

  [EQUALS](other: unknown): boolean {
    return other instanceof Quantity && other.nano === this.nano;
  }
}

type Amount = Quantity | bigint;

export function registerQuantity(environment: Environment): void {
  environment
    .registerType('Quantity', Quantity)
    .registerOperator('Quantity == Quantity', (a: Quantity, b: Quantity) => a[EQUALS](b));
  declare(environment, {
    'quantity(string): Quantity': (text: string) => new Quantity(nanoOfQuantity(text)),
    'isQuantity(string): bool': (text: string) => succeeds(() => nanoOfQuantity(text)),
    'Quantity.sign(): int': ({ nano }: Quantity) => signOf(nano),
    'Quantity.isInteger(): bool': ({ nano }: Quantity) => nano % ONE === 0n,
    'Quantity.asInteger(): int': asInteger,
    'Quantity.asApproximateFloat(): double': ({ nano }: Quantity) => Number(nano) / Number(ONE),
    'Quantity.isGreaterThan(Quantity): bool': (a: Quantity, b: Quantity) => a.nano > b.nano,
    'Quantity.isLessThan(Quantity): bool': (a: Quantity, b: Quantity) => a.nano < b.nano,
    'Quantity.compareTo(Quantity): int': (a: Quantity, b: Quantity) => signOf(a.nano - b.nano),
  });
  for (const type of ['Quantity', 'int']) {
    declare(environment, {
      [`Quantity.add(${type}): Quantity`]: (a: Quantity, b: Amount) =>
        new Quantity(a.nano + nanoOf(b)),
      [`Quantity.sub(${type}): Quantity`]: (a: Quantity, b: Amount) =>
        new Quantity(a.nano - nanoOf(b)),
    });
  }
}

function nanoOf(amount: Amount): bigint {
  return typeof amount === 'bigint' ? amount * ONE : amount.nano;
}

function signOf(nano: bigint): bigint {
  return nano > 0n ? 1n : nano < 0n ? -1n : 0n;
}

function asInteger({ nano }: Quantity): bigint {
  if (nano % ONE !== 0n) throw new Error('cannot convert value to integer');
  return nano / ONE;
}
