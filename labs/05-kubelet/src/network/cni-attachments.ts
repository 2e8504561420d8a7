// CniAttachments: which sandboxes are attached to which network, with what result: on disk, since DEL and CHECK are told of it.
//
// One file an attachment, in the form that libcni has (cniCacheV1, NETWORK-CONTAINER-eth0), with two fields more: the process
// whose namespace it is, and that namespace's own number, by which it is known again when process ids are used anew.
// A file is written before the plugins are asked, so that a kubelet that is killed meanwhile leaves nobody behind.
//
// Same idea upstream: containernetworking/cni, libcni/api.go (cachedInfo).

import { readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CniAttachment } from './cni-chain.ts';
import { type CniConfig, isObject, type Json } from './cni-config.ts';
import { replaceFile } from './ipam.ts';

const KIND = 'cniCacheV1';
const INTERFACE = 'eth0';

export interface Attachment extends CniAttachment {
  readonly config: CniConfig;
  readonly netns: string;
  /** e.g. net:[4026532008] */
  readonly netnsId: string;
  readonly pid: number;
}

export class CniAttachments {
  readonly #directory: string;
  readonly #all = new Map<string, Attachment>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Those of the kubelet before. What a kill has torn is none. */
  async restore(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const file of await readdir(this.#directory)) {
      const path = join(this.#directory, file);
      const attachment = attachmentOf(await readFile(path, 'utf8'));
      if (attachment === undefined || fileOf(attachment) !== file) await rm(path);
      else this.#all.set(attachment.containerId, attachment);
    }
  }

  get(containerId: string): Attachment | undefined {
    return this.#all.get(containerId);
  }

  list(): readonly Attachment[] {
    return [...this.#all.values()];
  }

  async set(attachment: Attachment): Promise<void> {
    this.#all.set(attachment.containerId, attachment);
    const { containerId, config, netns, netnsId, pid, args, capabilityArgs, result } = attachment;
    const text = JSON.stringify({
      ...{ kind: KIND, containerId, ifName: INTERFACE, networkName: config.name },
      config: Buffer.from(JSON.stringify(config)).toString('base64'),
      ...{ netns, netnsId, pid, cniArgs: args, capabilityArgs, result },
    });
    await replaceFile(join(this.#directory, fileOf(attachment)), text);
  }

  async delete(attachment: Attachment): Promise<void> {
    await rm(join(this.#directory, fileOf(attachment)), { force: true });
    this.#all.delete(attachment.containerId);
  }
}

/** Undefined when there is none, or nobody in it. */
export function netnsIdOf(netns: string): string | undefined {
  try {
    return readlinkSync(netns);
  } catch {
    return undefined;
  }
}

function fileOf({ config, containerId }: Attachment): string {
  return `${config.name}-${containerId}-${INTERFACE}`;
}

function attachmentOf(text: string): Attachment | undefined {
  try {
    const cached: unknown = JSON.parse(text);
    if (!isObject(cached) || cached.kind !== KIND) return undefined;
    const config = JSON.parse(Buffer.from(String(cached.config), 'base64').toString());
    const { containerId, netns, netnsId, pid, cniArgs, capabilityArgs, result } = cached;
    return {
      ...{ config, containerId: String(containerId), netns: String(netns) },
      ...{ netnsId: String(netnsId), pid: Number(pid) },
      args: cniArgs as Attachment['args'],
      capabilityArgs: capabilityArgs as Json,
      ...(isObject(result) ? { result } : {}),
    };
  } catch {
    return undefined;
  }
}
