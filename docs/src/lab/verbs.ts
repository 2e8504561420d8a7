// Verbs: every command of `lab`, with its usage and what --help says. What they do is in verbs/, one file each.
import type { Command } from 'commander';
import type { VerbDeclaration } from './verb.ts';
import type { CheckFlags } from './verbs/check.ts';
import type { AskFlags, JoinFlags } from './verbs/class.ts';
import type { DiffFlags } from './verbs/diff.ts';
import type { DoctorFlags } from './verbs/doctor.ts';
import type { HintFlags } from './verbs/hint.ts';
import type { NextFlags } from './verbs/next.ts';
import type { ReportFlags } from './verbs/report.ts';
import type { SolutionFlags } from './verbs/solution.ts';
import type { StatusFlags } from './verbs/status.ts';
import type { TaskFlags } from './verbs/task.ts';
import type { UndoFlags } from './verbs/undo.ts';

/** Lets each list keep its own flags' type while all stand in one. */
function verb<Flags>(declaration: VerbDeclaration<Flags>): VerbDeclaration<never> {
  return declaration as VerbDeclaration<never>;
}

export const VERBS: readonly VerbDeclaration<never>[] = [
  verb<DoctorFlags>({
    usage: 'doctor',
    does: 'look whether this machine has what the labs need',
    examples: ['doctor'],
    options: (command: Command) => command.option('--json', 'as JSON'),
    run: async (context, _args, flags) =>
      (await import('./verbs/doctor.ts')).doctor(context, flags),
  }),
  verb({
    usage: 'start [lab]',
    does: 'make work/<lab>, your own copy of a lab; never overwrites one',
    examples: ['start', 'start 01-store'],
    run: async (context, [lab], flags) =>
      (await import('./verbs/start.ts')).start(context, lab, flags),
  }),
  verb<TaskFlags>({
    usage: 'task [step]',
    does: 'show the lesson of the current step, or of another',
    examples: ['task', 'task intro', 'task 2', 'task 2 --answers'],
    options: (command) =>
      command
        .option('--answers', 'with the answers to its questions')
        .option('--language <code>', 'in another language where there is a translation: zh'),
    run: async (context, [step], flags) =>
      (await import('./verbs/task.ts')).task(context, step, flags),
  }),
  verb<CheckFlags>({
    usage: 'check [step]',
    does: 'test your code: the current step first, then the earlier ones',
    examples: ['check', 'check --watch', 'check 2', 'check --all --json'],
    options: (command) =>
      command
        .option('--all', 'all steps, also later ones, without stopping at the first that fails')
        .option('--watch', 'again whenever you save, until Ctrl-C')
        .option('--json', 'the result as JSON'),
    run: async (context, [step], flags) =>
      (await import('./verbs/check.ts')).checkVerb(context, step, flags),
  }),
  verb<HintFlags>({
    usage: 'hint [symbol]',
    does: 'the next hint: a question, then where to look, then the shape of the code',
    examples: ['hint', 'hint Mvcc.put'],
    options: (command) =>
      command
        .option('--step <step>', 'of another step than the current one')
        .option('--language <code>', 'in another language where there is a translation: zh'),
    run: async (context, [symbol], flags) =>
      (await import('./verbs/hint.ts')).hint(context, symbol, flags),
  }),
  verb<NextFlags>({
    usage: 'next',
    does: 'go on to the next step, once the current one passes',
    examples: ['next', 'next --force'],
    options: (command) => command.option('--force', 'go on without a pass; it is recorded'),
    run: async (context, _args, flags) => (await import('./verbs/next.ts')).next(context, flags),
  }),
  verb<StatusFlags>({
    usage: 'status',
    does: 'where you are: steps, hints, solutions, and what changed in the course since you started',
    examples: ['status', 'status --json'],
    options: (command) => command.option('--json', 'as JSON'),
    run: async (context, _args, flags) =>
      (await import('./verbs/status.ts')).status(context, flags),
  }),
  verb<DiffFlags>({
    usage: 'diff [what] [from] [to]',
    does: 'compare your code with the reference, or two steps of the reference',
    examples: ['diff mine', 'diff step 1 2', 'diff course', 'diff mine --show'],
    options: (command) =>
      command.option('--show', 'also before the step is passed; it is recorded'),
    run: async (context, args, flags) =>
      (await import('./verbs/diff.ts')).diff(context, args, flags),
  }),
  verb<SolutionFlags>({
    usage: 'solution [what]',
    does: 'show the reference for a symbol or a step, after a pass',
    examples: [
      'solution',
      'solution Mvcc.put',
      'solution Mvcc.put --show-me',
      'solution 2 --show-me --apply',
    ],
    options: (command) =>
      command
        .option('--show-me', 'also before the step is passed; it is recorded')
        .option('--apply', 'write it into your files (they are saved first)'),
    run: async (context, [what], flags) =>
      (await import('./verbs/solution.ts')).solution(context, what, flags),
  }),
  verb({
    usage: 'reset [what]',
    does: 'back to "not written yet": a symbol, a step, a file or the lab (saved first)',
    examples: ['reset Mvcc.put', 'reset 2', 'reset src/mvcc.ts', 'reset lab'],
    run: async (context, [what], flags) =>
      (await import('./verbs/reset.ts')).reset(context, what, flags),
  }),
  verb<UndoFlags>({
    usage: 'undo [number]',
    does: 'bring back what the last reset, solution, catch-up or undo replaced',
    examples: ['undo', 'undo --list', 'undo 3', 'undo 3 --all'],
    options: (command) =>
      command
        .option('--list', 'show all saved copies')
        .option('--all', 'every file, not only those that the command changed'),
    run: async (context, [number], flags) =>
      (await import('./verbs/undo.ts')).undo(context, number, flags),
  }),
  verb({
    usage: 'catch-up <step>',
    does: 'take the reference for every earlier step that you have not passed (saved first)',
    examples: ['catch-up 4'],
    run: async (context, [step], flags) =>
      (await import('./verbs/catch-up.ts')).catchUp(context, step, flags),
  }),
  verb<ReportFlags>({
    usage: 'report',
    does: 'your progress as JSON, to show to a teacher',
    examples: ['report', 'report --out report.json'],
    options: (command) => command.option('--out <file>', 'into a file'),
    run: async (context, _args, flags) =>
      (await import('./verbs/report.ts')).report(context, flags),
  }),
  verb<AskFlags>({
    usage: 'ask',
    does: 'raise your hand on the class board; only after you joined one',
    examples: ['ask', 'ask --done'],
    options: (command) => command.option('--done', 'take the hand down again'),
    run: async (context, _args, flags) => (await import('./verbs/class.ts')).ask(context, flags),
  }),
  verb<JoinFlags>({
    usage: 'join <url> <code>',
    does: "join a teacher's class board; only your name, steps, times and failing tests travel",
    examples: ['join http://192.168.1.5:7070 ABCD --name Ada'],
    options: (command) => command.requiredOption('--name <name>', 'how the board calls you'),
    run: async (context, [url, code], flags) =>
      (await import('./verbs/class.ts')).join(context, [url, code], flags),
  }),
  verb({
    usage: 'leave',
    does: 'leave the class; it forgets you',
    examples: ['leave'],
    run: async (context) => (await import('./verbs/class.ts')).leave(context),
  }),
];
