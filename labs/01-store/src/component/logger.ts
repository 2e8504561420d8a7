// createLogger: one line of text for each thing that happened, in the format of klog.
//
//   I1123 10:00:00.000000 scheduler] Bound pod pod="default/web" node="node-1"
//
// The first letter is the severity, then month and day, then the time. Values are quoted as JSON, so that a
// line stays one line whatever is logged. A line below the verbosity costs one comparison; a written one is a
// string concatenation and one write (standard error is synchronous for files and pipes).
// Same idea upstream: k8s.io/klog/v2, its structured calls (InfoS, ErrorS).
// Left out: file and line of the caller, process id, log files, -vmodule.

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Seen from verbosity 4 on, as upstream's V(4). */
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface LoggerOptions {
  /** The number behind -v: 4 and more shows debug lines. Default 2. */
  readonly verbosity?: number;
  /** Where lines go; each call gets one whole line with its newline. Default: standard error. */
  readonly destination?: { write(line: string): unknown };
  readonly now?: () => Date;
}

const DEBUG_VERBOSITY = 4;
const DEFAULT_VERBOSITY = 2;
const FIELD_LENGTH_MAX = 4096;

export function createLogger(component: string, options: LoggerOptions = {}): Logger {
  const { destination = process.stderr, now = () => new Date() } = options;
  const debugEnabled = (options.verbosity ?? DEFAULT_VERBOSITY) >= DEBUG_VERBOSITY;
  const withSuffix = (suffix: string): Logger => {
    const write = (severity: string, message: string, fields: LogFields | undefined): void => {
      const values = fields === undefined ? '' : formatFields(fields);
      const head = `${severity}${formatTime(now())} ${component}] `;
      destination.write(`${head}${oneLine(message)}${suffix}${values}\n`);
    };
    return {
      error: (message, fields) => write('E', message, fields),
      warn: (message, fields) => write('W', message, fields),
      info: (message, fields) => write('I', message, fields),
      debug: (message, fields) => {
        if (debugEnabled) write('I', message, fields);
      },
      child: (fields) => withSuffix(suffix + formatFields(fields)),
    };
  };
  return withSuffix('');
}

/** A logger that writes nothing: for libraries whose caller gave none. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLogger,
};

/** What went wrong, with its causes, in one line and without a stack. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message === '' ? codeOf(error) : error.message;
  if (error instanceof AggregateError && error.message === '' && error.errors.length > 0) {
    return messageOf(error.errors[0]);
  }
  if (error.cause === undefined) return own;
  const cause = messageOf(error.cause);
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}

function formatFields(fields: LogFields): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${key}=${formatValue(value)}`;
  }
  return text;
}

function formatValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return `${value}`;
  const text = value instanceof Error ? messageOf(value) : value;
  const quoted = JSON.stringify(text) ?? JSON.stringify(String(text));
  return quoted.length <= FIELD_LENGTH_MAX ? quoted : `${quoted.slice(0, FIELD_LENGTH_MAX)}…"`;
}

function formatTime(time: Date): string {
  const date = pad(time.getMonth() + 1) + pad(time.getDate());
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
  return `${date} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}000`;
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function oneLine(message: string): string {
  return message.includes('\n') ? message.replaceAll('\n', '\\n') : message;
}
