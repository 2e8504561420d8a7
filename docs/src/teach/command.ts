// teachCommand: `lab teach serve | agenda | board`, for who teaches a class.
//
// `serve` opens a class on the room's network, and prints the code for the learners and the board's address for the teacher. It
// keeps the class in a file, so that it can be stopped and started again. `board` shows the same in a terminal.
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { repositoryRoot } from '../course/repository.ts';
import { LabError } from '../lab/lab-error.ts';
import { AGENDA_DEFAULTS, agendaOf, agendaText } from './agenda.ts';
import { boardText } from './board-text.ts';
import { ClassFile, readClass } from './class-file.ts';
import { newClassroom, startClassServer } from './class-server.ts';
import {
  type Board,
  boardOf,
  type Classroom,
  measuredMinutes,
  median,
  type PlannedStep,
} from './classroom.ts';
import { planOf } from './plan.ts';

const DEFAULT_PORT = 7070;
const BOARD_EVERY_MS = 5_000;

/** Adds the verbs of a teacher. `root` is the checkout whose labs are taught, and whose work/ keeps the class. */
export function teachCommand(program: Command, root = repositoryRoot): void {
  const teach = program.command('teach').description('for teachers: a class, its board, an agenda');
  const file = join(root, 'work/.lab/class.json');
  teach
    .command('serve')
    .description('open a class on the network of the room; learners join by their own choice')
    .option('--host <address>', 'address to listen on; 127.0.0.1 = this machine only', '0.0.0.0')
    .option('--port <port>', 'port to listen on', wholeNumber(0, 65_535), DEFAULT_PORT)
    .option('--file <file>', 'where the class is kept', file)
    .option('--new', 'begin a new class, with a new code, in place of the one in the file')
    .action((flags: ServeFlags) => serve(flags, planOf(root)));
  teach
    .command('agenda')
    .description('plan a day (or several) from the minutes of the steps, with breaks')
    .option('--hours <hours>', 'hours a day', decimal(1, 14), AGENDA_DEFAULTS.hours)
    .option('--days <days>', 'how many days at most', wholeNumber(1, 60), AGENDA_DEFAULTS.days)
    .option('--start <time>', 'when a day begins', timeOfDay, AGENDA_DEFAULTS.startMinute)
    .option('--from <step>', 'the first step, e.g. 01-store/3-transactions')
    .option('--measured <file>', "take the medians of an earlier class (serve's file)")
    .option('--json', 'as JSON')
    .action((flags: AgendaFlags) => agenda(flags, planOf(root)));
  teach
    .command('board')
    .description('show the board of a running class in the terminal, or of a class file')
    .argument('[url]', "the board's address, as serve printed it; default: the class in the file")
    .option('--file <file>', 'the class file', file)
    .option('--once', 'show it once, and end')
    .action((url: string | undefined, flags: BoardFlags) => board(url, flags, planOf(root)));
}

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly file: string;
  readonly new?: boolean;
}

interface AgendaFlags {
  readonly hours: number;
  readonly days: number;
  readonly start: number;
  readonly from?: string;
  readonly measured?: string;
  readonly json?: boolean;
}

interface BoardFlags {
  readonly file: string;
  readonly once?: boolean;
}

async function serve(flags: ServeFlags, plan: readonly PlannedStep[]): Promise<void> {
  const kept = flags.new === true ? undefined : await readClass(flags.file);
  const file = new ClassFile(flags.file);
  const room = kept ?? newClassroom();
  await file.write(room);
  await using server = await startClassServer({
    room,
    plan,
    host: flags.host,
    port: flags.port,
    save: (next) => file.write(next),
    warn: (message) => console.error(message),
  });
  console.log(invitation(addressesOf(flags.host), server.port, room, kept !== undefined));
  await interrupted();
  console.log(
    `\nThe class is closed. It is kept in ${flags.file}; \`teach serve\` opens it again.`,
  );
}

function invitation(
  addresses: readonly string[],
  port: number,
  { code, boardKey, learners }: Classroom,
  isKept: boolean,
): string {
  const [first = '127.0.0.1'] = addresses;
  return [
    isKept
      ? `The class goes on: ${learners.length} have joined. \`--new\` would begin another.`
      : 'A new class is open.',
    '',
    `  code   ${code}`,
    '',
    'Learners, in their checkout:',
    ...addresses.map(
      (host) => `  npm run lab -- join http://${host}:${port} ${code} --name "your name"`,
    ),
    '',
    'The board, for you (who knows this address sees it, and can lower hands):',
    `  http://${first}:${port}/board/${boardKey}`,
    '',
    'Names, steps, times and ids of failing tests travel, unencrypted, on this network; nothing else does.',
    'Ctrl-C closes the class.',
  ].join('\n');
}

/** Where learners reach this machine. */
function addressesOf(host: string): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = all.filter(({ family, internal }) => family === 'IPv4' && !internal);
  return outside.length === 0 ? ['127.0.0.1'] : outside.map(({ address }) => address);
}

async function agenda(flags: AgendaFlags, plan: readonly PlannedStep[]): Promise<void> {
  const steps = await measured(flags.measured, startingAt(flags.from, plan));
  const planned = agendaOf(steps, {
    hours: flags.hours,
    days: flags.days,
    startMinute: flags.start,
  });
  console.log(flags.json === true ? JSON.stringify(planned, undefined, 2) : agendaText(planned));
}

function startingAt(from: string | undefined, plan: readonly PlannedStep[]) {
  if (from === undefined) return plan;
  const at = plan.findIndex(({ key }) => key === from || key.startsWith(`${from}/`));
  if (at >= 0) return plan.slice(at);
  throw new LabError(
    `there is no step ${from}: there are ${plan.map(({ key }) => key).join(', ')}`,
  );
}

async function measured(path: string | undefined, steps: readonly PlannedStep[]) {
  if (path === undefined) return steps;
  const room = await readClass(path);
  if (room === undefined) throw new LabError(`there is no class file ${path}`);
  return steps.map((step) => {
    const minutes = median(measuredMinutes(room.learners, step.key));
    return minutes === undefined ? step : { ...step, minutes: Math.max(1, Math.round(minutes)) };
  });
}

async function board(
  url: string | undefined,
  { file, once: isOnce }: BoardFlags,
  plan: readonly PlannedStep[],
): Promise<void> {
  const read = async (): Promise<Board> => {
    if (url !== undefined) return fetchBoard(url);
    const room = await readClass(file);
    if (room === undefined) throw new LabError('there is no class yet: `teach serve` opens one');
    return boardOf(room, plan, Date.now());
  };
  if (isOnce === true) {
    console.log(boardText(await read()));
    return;
  }
  const stop = new AbortController();
  void interrupted().then(() => stop.abort());
  while (!stop.signal.aborted) {
    const text = boardText(await read());
    // Home and clear to the end: the board stays in its place.
    console.log(process.stdout.isTTY ? `\u001b[H\u001b[2J${text}` : `${text}\n`);
    await wait(BOARD_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

async function fetchBoard(url: string): Promise<Board> {
  if (!/^https?:\/\/.+\/board\/[\w-]+\/?$/.test(url)) {
    throw new LabError(
      `${url} is not a board: its address is the one that \`teach serve\` printed, …/board/…`,
    );
  }
  const response = await fetch(`${url.replace(/\/$/, '')}/board.json`, {
    signal: AbortSignal.timeout(5_000),
  }).catch((error: Error) => {
    throw new LabError(`cannot read the board at ${url}: ${error.message}; is the class open?`);
  });
  if (response.ok) return (await response.json()) as Board;
  throw new LabError(
    `the class at ${url} does not know this board: take the address that \`teach serve\` printed`,
  );
}

async function interrupted(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

function decimal(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

function timeOfDay(text: string): number {
  const [, hours = '', minutes = ''] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  if (hours !== '' && Number(hours) < 24 && Number(minutes) < 60) {
    return Number(hours) * 60 + Number(minutes);
  }
  throw new InvalidArgumentError('It must be a time like 09:00.');
}
