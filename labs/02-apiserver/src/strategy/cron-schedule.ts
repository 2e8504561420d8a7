// cron-schedule: whether five fields of text are a schedule that cron understands.
//
// A schedule is five fields (minute, hour, day of month, month, day of week), or a word such as @daily. A field is a list of
// ranges with steps: `*/15`, `1-5`, `MON,WED`. The sentences are those of the parser that Kubernetes uses; only validity is
// decided here, the next time to run is the controller's business.
//
// Same rules upstream: github.com/robfig/cron/v3 (ParseStandard).

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS: ReadonlySet<string> = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
]);
const EVERY = '@every ';
const DURATION =
  /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$/;

/** What is wrong with the schedule, or undefined. */
export function scheduleProblem(schedule: string): string | undefined {
  if (schedule === '') return 'empty spec string';
  const { rest, problem } = withoutTimeZone(schedule);
  if (problem !== undefined) return problem;
  if (rest.startsWith('@')) return descriptorProblem(rest);
  const fields = rest.split(/\s+/).filter((text) => text !== '');
  if (fields.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [index, bounds] of FIELDS.entries()) {
    const found = fieldProblem(fields[index] ?? '', bounds);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `TZ=Asia/Tokyo 0 6 * * *`: the parser takes it, Kubernetes refuses it afterwards in words of its own. */
function withoutTimeZone(schedule: string): { rest: string; problem?: string } {
  const zone = /^(?:TZ|CRON_TZ)=([^ ]*) ?(.*)$/s.exec(schedule);
  if (zone === null) return { rest: schedule };
  const [, name = '', rest = ''] = zone;
  return isTimeZone(name)
    ? { rest: rest.trim() }
    : { rest, problem: `provided bad location ${name}: unknown time zone ${name}` };
}

/** Whether the machine's time zone database knows the name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function descriptorProblem(text: string): string | undefined {
  if (DESCRIPTORS.has(text)) return undefined;
  if (!text.startsWith(EVERY)) return `unrecognized descriptor: ${text}`;
  const duration = text.slice(EVERY.length);
  return duration === '0' || DURATION.test(duration)
    ? undefined
    : `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`;
}

function fieldProblem(field: string, bounds: Bounds): string | undefined {
  for (const range of field.split(',').filter((text) => text !== '')) {
    const found = rangeProblem(range, bounds);
    if (found !== undefined) return found;
  }
  return undefined;
}

function rangeProblem(text: string, bounds: Bounds): string | undefined {
  const [span = '', stepText, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHyphens] = span.split('-');
  const isAny = low === '*' || low === '?';
  if (!isAny && moreHyphens.length > 0) return `too many hyphens: ${text}`;
  const start = isAny ? bounds.min : numberOf(low, bounds);
  if (typeof start === 'string') return start;
  const last = isAny ? bounds.max : high === undefined ? start : numberOf(high, bounds);
  if (typeof last === 'string') return last;
  if (moreSteps.length > 0) return `too many slashes: ${text}`;
  const step = stepText === undefined ? 1 : numberOf(stepText, { min: 0, max: 0 });
  if (typeof step === 'string') return step;
  // "N/step" means from N to the end.
  const end = stepText !== undefined && high === undefined ? bounds.max : last;
  if (start < bounds.min) {
    return `beginning of range (${start}) below minimum (${bounds.min}): ${text}`;
  }
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return step === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

/** The number, or the sentence about what is none. */
function numberOf(text: string, { min, names }: Bounds): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  if (!/^[-+]?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}
