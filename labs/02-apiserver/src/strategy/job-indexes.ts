// job-indexes: lists of indexes in the short form that jobs use, `1,3-5,7`.
//
// Same rules upstream: pkg/apis/batch/validation (validateIndexesFormat, validateFailedIndexesNotOverlapCompleted).

type Interval = readonly [first: number, last: number];

/** How many indexes the text names, or the sentence about what is wrong with it. */
export function indexCount(text: string, completions: number): number | string {
  const intervals = intervalsOf(text, completions);
  if (typeof intervals === 'string') return intervals;
  let previous = -1;
  let count = 0;
  for (const [first, last] of intervals) {
    if (previous >= first) {
      return `non-increasing order, previous: ${previous}, current: ${first}`;
    }
    count += last - first + 1;
    previous = last;
  }
  return count;
}

/** The first index that both lists name. Lists that do not parse are somebody else's complaint. */
export function overlapOf(left: string, right: string, completions: number): number | undefined {
  const a = intervalsOf(left, completions);
  const b = intervalsOf(right, completions);
  if (typeof a === 'string' || typeof b === 'string') return undefined;
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    const [firstA = 0, lastA = 0] = a[i] ?? [];
    const [firstB = 0, lastB = 0] = b[k] ?? [];
    if (firstA <= lastB && firstB <= lastA) return Math.max(firstA, firstB);
    if (firstA <= firstB) i += 1;
    else k += 1;
  }
  return undefined;
}

function intervalsOf(text: string, completions: number): readonly Interval[] | string {
  if (text === '') return [];
  const intervals: Interval[] = [];
  for (const fragment of text.split(',')) {
    const interval = intervalOf(fragment, completions);
    if (typeof interval === 'string') return interval;
    intervals.push(interval);
  }
  return intervals;
}

function intervalOf(fragment: string, completions: number): Interval | string {
  const limits = fragment.split('-');
  if (limits.length > 2) {
    return `the fragment ${JSON.stringify(fragment)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  for (const limit of limits) {
    if (!/^\+?\d+$/.test(limit)) {
      return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
    }
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
  }
  const first = Number(limits[0]);
  const last = Number(limits[1] ?? limits[0]);
  return limits.length === 2 && first >= last
    ? `non-increasing order, previous: ${first}, current: ${last}`
    : [first, last];
}
