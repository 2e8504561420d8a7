// main: the learner's command. Reads the arguments, runs one verb, and turns what it threw into a sentence and an exit code.
//
//   0 fine   1 the learner's code, or what was asked for   2 the machine   3 the course
// A learner never sees a stack; KUBE_LABS_DEBUG=1 shows it to who mends the course.
import { type Argument, Command, CommanderError } from 'commander';
import { wrapLines } from '../check/text.ts';
import { CourseError } from '../course/course-error.ts';
import { repositoryRoot } from '../course/repository.ts';
import { type Context, createContext, widthOfErrors } from './context.ts';
import { LabError } from './lab-error.ts';
import { addVerb, type Ended } from './verb.ts';
import { VERBS } from './verbs.ts';

const MACHINE_CODES =
  /^(E(ACCES|PERM|ROFS|NOSPC|DQUOT|MFILE|NFILE|IO|BUSY|NOTDIR|ISDIR|ADDRINUSE))$/;

export async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  // `lab task | head`: whoever reads has seen enough.
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.on('unhandledRejection', (error) => {
    // What is given up half-way may still complain; nobody waits for it.
    if (!stop.signal.aborted) process.exit(explain(error));
  });
  try {
    return await run(args, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 130;
    return explain(error, args[0]);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    process.removeListener('SIGTERM', onInterrupt);
  }
}

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  let exitCode: number = 0;
  const program = new Command('lab')
    .description('Build a Kubernetes in eight labs: start, read, write, check.')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(npx lab --help lists the commands)')
    .addHelpText(
      'after',
      '\nOn a fresh clone begin with `npm run lab -- start 01-store`, which installs\nwhat is missing; after that `npx lab` and `npm run lab --` are the same.',
    )
    .configureHelp({
      helpWidth: Math.min(process.stdout.columns ?? 80, 80),
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    });
  const withContext = async (verb: (context: Context) => Promise<Ended>) => {
    exitCode = (await verb(createContext(signal))) ?? 0;
  };
  for (const declaration of VERBS) addVerb(program, declaration, withContext);
  await addOthers(program, args[0]);
  await program.parseAsync([...args], { from: 'user' });
  return exitCode !== 0 ? exitCode : Number(process.exitCode ?? 0);
}

const argumentTerm = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;

/** Whole families of commands, loaded when one of them is asked for. */
async function addOthers(program: Command, asked: string | undefined): Promise<void> {
  const root = process.env.KUBE_LABS_ROOT ?? repositoryRoot;
  if (asked === 'course') (await import('../course/command.ts')).courseCommand(program);
  else program.command('course').description('for authors: prove that a lab holds together');
  if (asked === 'teach') (await import('../teach/command.ts')).teachCommand(program, root);
  else program.command('teach').description('for teachers: a class, its board, an agenda');
}

function explain(error: unknown, family?: string): number {
  if (error instanceof CommanderError) {
    // commander has written what is wrong; asking for help is no fault.
    return error.exitCode === 0 || error.code === 'commander.help' ? 0 : 1;
  }
  const { message, code, stack } = error as NodeJS.ErrnoException;
  if (process.env.KUBE_LABS_DEBUG === '1') console.error(stack);
  if (error instanceof LabError) return tell(message, error.exitCode);
  if (CourseError.is(error)) {
    return tell(
      `This is a fault of the course, not of your code. Please report it:\n  ${message}`,
      3,
    );
  }
  if (code !== undefined && MACHINE_CODES.test(code)) {
    return tell(`This machine refuses: ${message}\nSee what it lacks: npx lab doctor`, 2);
  }
  // A teacher's commands say in plain errors what cannot be done, and why.
  if (family === 'teach' && code === undefined) return tell(message, 1);
  return tell(
    `This is a fault of the course, not of your code. Please report it:\n  ${message}\n  (KUBE_LABS_DEBUG=1 shows more)`,
    3,
  );
}

function tell(message: string, exitCode: number): number {
  console.error(wrapLines(message, widthOfErrors()));
  return exitCode;
}
