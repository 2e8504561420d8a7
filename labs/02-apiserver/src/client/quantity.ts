// parseQuantity: amounts as people write them in manifests, as plain numbers.
//
//   '100m' → 0.1    '1Gi' → 1073741824    '2k' → 2000    '1e3' → 1000    4 → 4
//
// The unit is that of the resource: cores for cpu, bytes for memory. Where sums must be exact, add up milliOf():
// whole thousandths, rounded up as upstream's MilliValue().
// Same rule upstream: k8s.io/apimachinery/pkg/api/resource.
// Left out: decimals of any length; a number here has the 53 bits of a double, enough for 8 PiB to the byte.

const SUFFIXES: ReadonlyMap<string, number> = new Map([
  ['n', 1e-9],
  ['u', 1e-6],
  ['m', 1e-3],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['E', 1e18],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
  ['Pi', 2 ** 50],
  ['Ei', 2 ** 60],
]);

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?$/;

/** In base units. Throws in upstream's words when the text is no quantity. */
export function parseQuantity(text: string | number): number {
  if (typeof text === 'number') return text;
  const match = QUANTITY.exec(text);
  if (match === null) {
    throw new Error(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  const [, digits = '0', suffix, exponent] = match;
  // As text, so that '0.1' and '1e-1' are the same double.
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  if (suffix === undefined) return Number(digits);
  const factor = SUFFIXES.get(suffix) ?? 1;
  return factor < 1 ? Number(digits) / Math.round(1 / factor) : Number(digits) * factor;
}

/** In thousandths, rounded up: what the scheduler and the quota count processors in. */
export function milliOf(text: string | number): number {
  // Six decimals hide the last bits of the product (1.1 * 1000 is not 1100), and no real amount is that small.
  return Math.ceil(Number((parseQuantity(text) * 1000).toFixed(6)));
}
