// time: timestamps as Go reads and writes them.
//
// Kubernetes writes seconds in UTC (`2024-05-01T10:00:00Z`); leases and events also microseconds. Go's time.Parse walks its
// layout element by element and names the first one that does not fit: its error says both the rest and the element.
//
// Left out: upstream refuses a MicroTime that has not exactly six digits of fraction; here any number of digits will do,
// because Date.toISOString() writes three and nothing is gained by turning our own clients away.

/** The message is Go's. */
export class TimeError extends Error {}

const SECONDS_LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';
const ELEMENTS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d{2}/],
  ['-', /^-/],
  ['02', /^\d{2}/],
  ['T', /^T/],
  ['15', /^\d{2}/],
  [':', /^:/],
  ['04', /^\d{2}/],
  [':', /^:/],
  ['05', /^\d{2}(?:\.\d+)?/],
  ['Z07:00', /^(?:Z|[+-]\d{2}:\d{2})/],
];
const RANGES: Readonly<Record<string, readonly [min: number, max: number, name: string]>> = {
  '01': [1, 12, 'month'],
  '02': [1, 31, 'day'],
  '15': [0, 23, 'hour'],
  '04': [0, 59, 'minute'],
  '05': [0, 60, 'second'],
};

/** Nearly every time that a server reads was written by a server; the day is looked at where months differ. */
const CANONICAL =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{6})?Z$/;

export function canonicalTime(text: string): string {
  const canonical = CANONICAL.exec(text);
  if (canonical !== null && canonical[1] === undefined) return text;
  return `${toSeconds(parseTime(text, SECONDS_LAYOUT))}Z`;
}

export function canonicalMicroTime(text: string): string {
  if (CANONICAL.exec(text)?.[1] !== undefined) return text;
  const parsed = parseTime(text, MICRO_LAYOUT);
  return `${toSeconds(parsed)}.${parsed.fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

/** Protobuf's form. Nanoseconds, of which Time keeps none and MicroTime keeps thousands. */
export function formatTime(seconds: number, nanos: number, micro: boolean): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = String(Math.floor(nanos / 1000)).padStart(6, '0');
  return micro ? `${whole}.${fraction}Z` : `${whole}Z`;
}

interface ParsedTime {
  readonly milliseconds: number;
  readonly fraction: string;
}

function toSeconds({ milliseconds }: ParsedTime): string {
  return new Date(milliseconds).toISOString().slice(0, 19);
}

function parseTime(text: string, layout: string): ParsedTime {
  let rest = text;
  const fail = (why: string): TimeError =>
    new TimeError(`parsing time ${JSON.stringify(text)}${why}`);
  for (const [element, pattern] of ELEMENTS) {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) {
      throw fail(
        ` as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as "${element}"`,
      );
    }
    const range = RANGES[element];
    const value = Number.parseInt(found, 10);
    if (range !== undefined && (value < range[0] || value > range[1])) {
      throw fail(`: ${range[2]} out of range`);
    }
    rest = rest.slice(found.length);
  }
  if (rest !== '') throw fail(`: extra text: ${JSON.stringify(rest)}`);
  const milliseconds = Date.parse(text);
  const day = Number(text.slice(8, 10));
  if (Number.isNaN(milliseconds) || daysIn(text) < day) throw fail(': day out of range');
  return { milliseconds, fraction: /\.(\d+)/.exec(text)?.[1] ?? '' };
}

function daysIn(text: string): number {
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}
