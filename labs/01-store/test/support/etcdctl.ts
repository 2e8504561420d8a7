// etcdctl on an endpoint: one command line, and what came of it, made comparable with what came of it elsewhere.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  /** Ends a command that would go on for ever, as soon as it has printed so many lines. */
  readonly untilLines?: number;
  /** And so many on its standard error, which come when it pleases. */
  readonly untilErrors?: number;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 90_000;
const COMMON = ['--command-timeout=30s', '--dial-timeout=30s'];

export async function etcdctl(
  endpoint: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = start(endpoint, args);
  const output = { stdout: '', stderr: '' };
  const deadline = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? DEADLINE_MS);
  const { untilLines = Infinity, untilErrors = 0 } = options;
  const take = (name: keyof typeof output) => (chunk: Buffer) => {
    output[name] += chunk;
    const isEnough = linesOf(output.stdout) >= untilLines && linesOf(output.stderr) >= untilErrors;
    // Killed, not interrupted: what it would say on its way out depends on how far it was.
    if (isEnough) child.kill('SIGKILL');
  };
  child.stderr?.on('data', take('stderr'));
  child.stdout?.on('data', take('stdout'));
  child.stdin?.on('error', () => undefined);
  if (options.untilLines === undefined) child.stdin?.end(options.stdin ?? '');
  else child.stdin?.write(options.stdin ?? '');
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    // It may have printed more before it was gone.
    const lines = output.stdout.split('\n').slice(0, options.untilLines);
    const stdout = options.untilLines === undefined ? output.stdout : `${lines.join('\n')}\n`;
    return { code, stdout, stderr: output.stderr };
  } finally {
    clearTimeout(deadline);
  }
}

export function start(endpoint: string, args: readonly string[]): ChildProcess {
  const child = spawn('etcdctl', [...COMMON, ...args], {
    env: { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoint },
    stdio: 'pipe',
  });
  child.once('error', () => undefined);
  return child;
}

function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

/** What must differ between two stores, by name: ids, ports, sizes, hashes, times. */
const DIFFERENT: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/"ts":[\d.]+/g, '"ts":TIME'],
  [/"caller":"[^"]*"/g, '"caller":WHERE'],
  [/client-[0-9a-f-]{36}/g, 'CLIENT'],
  [/127\.0\.0\.1:\d+/g, 'ENDPOINT'],
  [/"(cluster_id|member_id)":\d+/g, '"$1":ID'],
  [/"(ClusterID|MemberID)" : \d+/g, '"$1" : ID'],
  // The only member of one is elected once, and again after each restart; log entries are not revisions.
  [/"raft_term":\d+/g, '"raft_term":TERM'],
  [/"RaftTerm" : \d+/g, '"RaftTerm" : TERM'],
  [/took = [\d.]+[mµ]?s/g, 'took = TIME'],
  [/"took":"[\d.]+[mµ]?s"/g, '"took":TIME'],
  // Some seconds may pass between two commands.
  [/"ttl":(?:[5-9]\d|100)\b/g, '"ttl":NEARLY-ALL'],
  [/remaining\((?:[5-9]\d|100)s\)/g, 'remaining(NEARLY-ALL)'],
  // An id has fifteen digits at times, and etcdctl makes the table as much narrower.
  [/(?<=^\+.*)-+/gm, '-'],
  [/(?<=^\|.*) +/gm, ' '],
];

/** One text of all, with names instead of what must differ. */
export function comparable(
  { code, stdout, stderr }: Outcome,
  own: Readonly<Record<string, string>>,
): string {
  let text = `${stdout}${stderr}exit code ${code}\n`;
  for (const [name, value] of Object.entries(own)) {
    text = text.replaceAll(value, name);
    if (/^[0-9a-f]{1,16}$/.test(value)) {
      text = text.replaceAll(BigInt(`0x${value}`).toString(), name);
    }
  }
  for (const [pattern, name] of DIFFERENT) text = text.replace(pattern, name);
  return text;
}
