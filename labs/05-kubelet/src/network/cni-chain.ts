// CniChain: runs the plugins of a network, one after the other, as the Container Network Interface says.
//
//   ADD     in order, each is given what the one before answered (prevResult); the last answer is the result
//   CHECK   in order, with the result of ADD               since 0.4.0, unless disableCheck
//   DEL     in reverse, with the result of ADD (0.4.0)     no error for what is gone already
//   STATUS  can pods be added now?                         since 1.1.0
//   GC      nothing but these attachments is to be kept    since 1.1.0, unless disableGC
//
// A plugin is a program: environment and stdin in, JSON out; an exit code other than 0 brings an error as JSON.
//
// Same contract upstream: containernetworking/cni, SPEC.md (sections 2, 3 and 5), libcni/api.go, whose errors these are.

import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@kube-labs/apiserver';
import { CommandError, type HostCommand } from '../host-command.ts';
import {
  type CniConfig,
  type CniPluginConfig,
  isAtLeast,
  isObject,
  type Json,
  pluginInput,
} from './cni-config.ts';

const INTERFACE = 'eth0';
/** dockershim's. A plugin may wait for a daemon that is about to start. */
const TIMEOUT_MS = 220_000;

/** What a plugin is told of a sandbox. */
export interface CniStep {
  readonly containerId: string;
  /** Absent when it is gone. */
  readonly netns?: string | undefined;
  readonly args: readonly (readonly [string, string])[];
  readonly capabilityArgs: Json;
  readonly result?: Json | undefined;
}

export class CniChain {
  readonly #directories: readonly string[];
  readonly #run: HostCommand;

  /** @param directories where plugins are looked for, in this order. */
  constructor(directories: readonly string[], run: HostCommand) {
    this.#directories = directories;
    this.#run = run;
  }

  /** Are all plugins there, and do they know the version? */
  async validate({ plugins, cniVersion }: CniConfig): Promise<void> {
    for (const { type } of plugins) {
      const answer = await this.#call(
        type,
        { CNI_COMMAND: 'VERSION' },
        JSON.stringify({ cniVersion }),
      );
      const { supportedVersions } = answer ?? {};
      if (Array.isArray(supportedVersions) && supportedVersions.includes(cniVersion)) continue;
      throw new Error(`plugin ${type} does not support config version "${cniVersion}"`);
    }
  }

  /** Stops at the first that fails: what was done by then, delete() takes back. */
  async add(config: CniConfig, attachment: CniStep): Promise<Json> {
    let result: Json | undefined;
    for (const plugin of config.plugins) {
      result = await this.#attach('ADD', config, { ...attachment, plugin, result });
    }
    if (result === undefined) throw new Error(`network "${config.name}" returned no result`);
    return result;
  }

  /** Throws what the first plugin says that is not as it was. */
  async check(config: CniConfig, attachment: CniStep): Promise<void> {
    if (!isAtLeast(config, '0.4.0') || config.disableCheck) return;
    for (const plugin of config.plugins) {
      await this.#attach('CHECK', config, { ...attachment, plugin });
    }
  }

  /** A plugin that was never asked to add is asked, too: it has to bear that. */
  async delete(config: CniConfig, attachment: CniStep): Promise<void> {
    const result = isAtLeast(config, '0.4.0') ? attachment.result : undefined;
    for (const plugin of config.plugins.toReversed()) {
      await this.#attach('DEL', config, { ...attachment, plugin, result });
    }
  }

  /** Throws when a plugin cannot serve. */
  async status(config: CniConfig): Promise<void> {
    if (isAtLeast(config, '1.1.0')) await this.#tellAll('STATUS', config);
  }

  /** @param containerIds all that have a right to live. */
  async collectGarbage(config: CniConfig, containerIds: readonly string[]): Promise<void> {
    if (!isAtLeast(config, '1.1.0') || config.disableGc) return;
    const valid = containerIds.map((containerID) => ({ containerID, ifname: INTERFACE }));
    await this.#tellAll('GC', config, { 'cni.dev/valid-attachments': valid });
  }

  async #tellAll(command: 'STATUS' | 'GC', config: CniConfig, more: Json = {}): Promise<void> {
    for (const plugin of config.plugins) {
      await this.#call(
        plugin.type,
        { CNI_COMMAND: command },
        pluginInput(config, plugin, { more }),
      );
    }
  }

  async #attach(
    command: 'ADD' | 'CHECK' | 'DEL',
    config: CniConfig,
    step: CniStep & { readonly plugin: CniPluginConfig },
  ): Promise<Json | undefined> {
    const { plugin, containerId, netns = '', args, capabilityArgs, result: prevResult } = step;
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: netns,
      CNI_IFNAME: INTERFACE,
      CNI_ARGS: args.map((pair) => pair.join('=')).join(';'),
    };
    const input = pluginInput(config, plugin, { prevResult, capabilityArgs });
    try {
      return await this.#call(plugin.type, environment, input);
    } catch (error) {
      const what = command === 'DEL' ? 'delete' : command.toLowerCase();
      throw new Error(`plugin type="${plugin.type}" failed (${what}): ${messageOf(error)}`);
    }
  }

  async #call(type: string, environment: Json, input: string): Promise<Json | undefined> {
    const program = await this.#find(type);
    const all = { ...environment, CNI_PATH: this.#directories.join(':') };
    // `env` adds to the kubelet's own environment: a plugin may have to find iptables.
    const words = Object.entries(all).map((pair) => pair.join('='));
    try {
      return answerOf(
        await this.#run('env', [...words, program], { input, timeoutMs: TIMEOUT_MS }),
      );
    } catch (error) {
      throw error instanceof CommandError ? failureOf(error) : error;
    }
  }

  async #find(type: string): Promise<string> {
    for (const directory of this.#directories) {
      const program = join(directory, type);
      const isThere = access(program, constants.X_OK).then(() => true);
      if (await isThere.catch(() => false)) return program;
    }
    throw new Error(`failed to find plugin "${type}" in path [${this.#directories.join(' ')}]`);
  }
}

function answerOf(stdout: string): Json | undefined {
  if (stdout.trim() === '') return undefined;
  const answer: unknown = JSON.parse(stdout);
  if (!isObject(answer)) throw new Error(`netplugin answered no object: ${JSON.stringify(stdout)}`);
  return answer;
}

/** The plugin's own words, where it found any: an error as the specification has it. */
function failureOf(error: CommandError): Error {
  const said = error.stdout.trim();
  if (said === '') return new Error(`netplugin failed with no error message: ${error.message}`);
  try {
    const { msg, details } = JSON.parse(said);
    return new Error(details ? `${msg}; ${details}` : String(msg));
  } catch (cause) {
    const text = `netplugin failed but error parsing its diagnostic message ${JSON.stringify(said)}`;
    return new Error(`${text}: ${messageOf(cause)}`);
  }
}
