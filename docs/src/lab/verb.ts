// Verb: the shape of a command of `lab`, and what all of them share: --lab, examples in --help, lazy loading.
//
// A verb's module is loaded when it runs, not before: `lab status` shall not wait for vitest and a compiler.
import type { Command } from 'commander';
import type { ExitCode } from '../course/model.ts';
import type { Context } from './context.ts';

/** What a verb ends with; nothing means 0. */
export type Ended = ExitCode | 130 | undefined;

export interface CommonFlags {
  readonly lab?: string;
}

export interface VerbDeclaration<Flags> {
  /** As commander reads it: `check [step]`. */
  readonly usage: string;
  readonly does: string;
  readonly examples: readonly string[];
  readonly options?: (command: Command) => Command;
  /** The arguments first, then the flags. */
  run(
    context: Context,
    args: readonly (string | undefined)[],
    flags: Flags & CommonFlags,
  ): Promise<Ended>;
}

/** Adds a verb; `withContext` runs it and keeps its exit code. */
export function addVerb<Flags>(
  program: Command,
  declaration: VerbDeclaration<Flags>,
  withContext: (run: (context: Context) => Promise<Ended>) => Promise<void>,
): void {
  const { usage, does, examples, options, run } = declaration;
  const command = program.command(usage).description(does);
  options?.(command);
  command.option('--lab <lab>', 'another lab than the current one');
  command.addHelpText(
    'after',
    `\nExamples:\n${examples.map((line) => `  npx lab ${line}`).join('\n')}`,
  );
  command.action((...given: unknown[]) => {
    // commander hands over the arguments, then the flags, then itself.
    const args = given.slice(0, -2) as (string | undefined)[];
    return withContext((context) => run(context, args, given.at(-2) as Flags & CommonFlags));
  });
}
