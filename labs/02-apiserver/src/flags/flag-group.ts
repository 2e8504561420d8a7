// FlagGroup: the flags of one part of the server: what they are called, what they mean, and what they make of ApiServerOptions.
//
// Flags are upstream's by name, meaning and default; where ours differ, the text of --help says so. A group may read every flag, also those of
// others (the serving certificate needs the service range), but adds only its own.
//
// To add a flag: a line in add() and what it makes in options(). To add a group: its file, and its line in all.ts.
//
// Same idea upstream: component-base/cli/flag (NamedFlagSets) and kubeapiserver/options.

import type { Command } from 'commander';
import type { ApiServerOptions } from '../server/api-server-options.ts';

/** As commander gives them: text, true for a flag without a value, undefined for one that was not given. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** What a group makes of its flags. Store and signal are given by main. */
export type GroupOptions = Partial<Omit<ApiServerOptions, 'store' | 'signal'>>;

export interface FlagGroup {
  /** Heading in --help. */
  readonly title: string;
  add(command: Command): void;
  /** Throws a sentence that names the flag, its value and what it needs. */
  options(flags: Flags): GroupOptions | Promise<GroupOptions>;
}
