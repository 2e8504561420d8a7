// CniNetwork: the pod network by the Container Network Interface: any plugins, as a file in a directory says.
//
// The first usable file counts (by name; .conf, .conflist, .json); it is looked for every 5 seconds, and until there is one the
// node is not ready. One that was read stays when its file goes. A sandbox is detached with the configuration it was attached with.
// DEL comes while the namespace is there, since plugins leave their wires in it otherwise; without one the rest is given back.
// A sandbox that has no eth0 any more is reported as lost, and replaced. Attachments of the kubelet before are CHECKed besides, a few at
// each look; what that finds is logged and costs no pod, since plugins are wrong about it (Debian's portmap 1.1.1 is, of any IPv4 pod).
//
// Same idea upstream: kubernetes v1.23, pkg/kubelet/dockershim/network/cni/cni.go, today cri-dockerd; whose words these are.
// CHECK and GC are more than it asks. As there, ports of the node need a plugin that can (portmap), and are ignored without.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, messageOf } from '@kube-labs/apiserver';
import type { HostCommand } from '../host-command.ts';
import type { Condition } from '../runtime/runtime.ts';
import { type Attachment, attachmentFor, hasNamespace, hasWire } from './cni-attachment.ts';
import { CniChain } from './cni-chain.ts';
import { addressesOf, type CniConfig, hasCapability, parseCniConfig } from './cni-config.ts';
import type { NetworkSandbox, NodePlugin, SandboxNetwork } from './network-plugin.ts';
import { Records } from './records.ts';

const FILE_NAME = /\.(conf|conflist|json)$/;
const CHECKS_AT_ONCE_MAX = 10;
const UNINITIALIZED = 'cni config uninitialized';

export interface CniOptions {
  readonly confDirectory: string;
  readonly binDirectories: readonly string[];
  readonly stateDirectory: string;
  readonly run: HostCommand;
  readonly log: Logger;
}

export class CniNetwork implements NodePlugin {
  readonly bringsRoutes = true;
  readonly syncPeriodMs = 5_000;
  readonly #options: CniOptions;
  readonly #chain: CniChain;
  readonly #attachments: Records<Attachment>;
  #config: { file: string; text: string; config: CniConfig } | undefined;
  #podCidr = '';
  /** What a plugin said of itself last. */
  #notReady: string | undefined;
  /** Of the kubelet before, not yet looked at. */
  #unchecked: readonly string[] = [];
  #lost: ReadonlySet<string> = new Set();
  #isCollected = false;
  #collecting: Promise<void> = Promise.resolve();

  constructor(options: CniOptions) {
    const { binDirectories, run, stateDirectory } = options;
    this.#options = options;
    this.#chain = new CniChain(binDirectories, run);
    this.#attachments = new Records(join(stateDirectory, 'cni'));
  }

  /** The plugins keep their own books; this is what they have to be told of again. */
  async restore(): Promise<void> {
    await this.#attachments.restore();
    this.#unchecked = this.sandboxIds();
    this.#lookForLost();
  }

  async configure(podCidr: string): Promise<void> {
    // A node's range is given once; plugins could not change the addresses they gave.
    if (this.#podCidr === '') this.#podCidr = podCidr;
    const before = this.#config;
    await this.#loadConfig();
    if (this.#config !== before || this.#notReady !== undefined) await this.#askStatus();
  }

  status(): Condition {
    const problem = this.#problem();
    if (problem === undefined) return { ready: true };
    const message = `docker: network plugin is not ready: ${problem}`;
    return { ready: false, reason: 'NetworkPluginNotReady', message };
  }

  #problem(): string | undefined {
    if (this.#config === undefined) return UNINITIALIZED;
    if (this.#podCidr === '' && hasCapability(this.#config.config, 'ipRanges')) {
      return 'cni config needs ipRanges but no PodCIDR set';
    }
    return this.#notReady;
  }

  async setUp(sandbox: NetworkSandbox): Promise<SandboxNetwork> {
    const { sandboxId, pod, netns } = sandbox;
    const config = this.#config?.config;
    const cannot = (why: string) => {
      const name = `${pod.name}_${pod.namespace}`;
      const message = `networkPlugin cni failed to set up pod "${name}" network: ${why}`;
      return new Error(message);
    };
    if (config === undefined) throw cannot(UNINITIALIZED);
    // An earlier try: a container is added again only after it was deleted.
    await this.tearDown(sandboxId);
    await this.#collecting;
    // On disk before any plugin begins, and without a result until all are through.
    const attachment = attachmentFor(sandbox, config, this.#podCidr);
    await this.#attachments.set(sandboxId, attachment);
    try {
      // Whose namespace it is, is whose loopback device it is: no plugin's.
      await this.#options.run('nsenter', [`--net=${netns}`, 'ip', 'link', 'set', 'lo', 'up']);
      const result = await this.#chain.add(config, attachment);
      await this.#attachments.set(sandboxId, { ...attachment, result });
    } catch (error) {
      throw cannot(messageOf(error));
    }
    this.#lookForLost();
    const network = this.check(sandboxId);
    if (network === undefined) throw cannot('it has no eth0, or the result has no address');
    return network;
  }

  async tearDown(sandboxId: string): Promise<void> {
    const attachment = this.#attachments.get(sandboxId);
    if (attachment === undefined) return;
    const netns = hasNamespace(attachment) ? attachment.netns : '';
    try {
      await this.#chain.delete(attachment.config, { ...attachment, netns });
    } catch (error) {
      const message = `networkPlugin cni failed to teardown sandbox "${sandboxId}" network`;
      throw new Error(`${message}: ${messageOf(error)}`);
    }
    // Only now: a DEL that failed is tried again, with all that it was told.
    await this.#attachments.delete(sandboxId);
  }

  check(sandboxId: string): SandboxNetwork | undefined {
    const { result } = this.#attachments.get(sandboxId) ?? {};
    if (result === undefined || this.#lost.has(sandboxId)) return undefined;
    const ips = addressesOf(result);
    const ip = ips.find((one) => one.includes('.')) ?? ips[0];
    return ip === undefined ? undefined : { ip, ips };
  }

  async refresh(): Promise<void> {
    await this.#collectGarbage();
    await this.#askStatus();
    this.#lookForLost();
    await this.#checkSome();
  }

  sandboxIds(): readonly string[] {
    return this.#attachments.ids();
  }

  /** A file that cannot be used does not keep the next one from being used. */
  async #loadConfig(): Promise<void> {
    const { confDirectory, log } = this.#options;
    const all = await readdir(confDirectory).catch(() => []);
    for (const name of all.filter((one) => FILE_NAME.test(one)).sort()) {
      try {
        const file = join(confDirectory, name);
        const text = await readFile(file, 'utf8');
        if (this.#config?.file === file && this.#config.text === text) return;
        const config = parseCniConfig(file, text);
        await this.#chain.validate(config);
        this.#config = { file, text, config };
        log.info('Using CNI configuration file', { file });
        return;
      } catch (error) {
        log.warn('Error loading CNI config file', { err: messageOf(error) });
      }
    }
  }

  /** Costs no process where the version has no STATUS. */
  async #askStatus(): Promise<void> {
    if (this.#config === undefined) return;
    try {
      await this.#chain.status(this.#config.config);
      this.#notReady = undefined;
    } catch (error) {
      this.#notReady = messageOf(error);
    }
  }

  /** Once: later everything that goes is torn down. Nobody is attached meanwhile, who would not be on the list. */
  async #collectGarbage(): Promise<void> {
    if (this.#config === undefined || this.#isCollected) return;
    this.#isCollected = true;
    const collecting = this.#chain.collectGarbage(this.#config.config, this.sandboxIds());
    this.#collecting = collecting.catch((error: unknown) => {
      this.#options.log.warn('Failed to collect garbage of the network', { err: messageOf(error) });
    });
    await this.#collecting;
  }

  /** A few, since each costs a process for each plugin. */
  async #checkSome(): Promise<void> {
    const now = this.#unchecked.slice(0, CHECKS_AT_ONCE_MAX);
    this.#unchecked = this.#unchecked.slice(CHECKS_AT_ONCE_MAX);
    for (const sandboxId of now) {
      const attachment = this.#attachments.get(sandboxId);
      if (attachment?.result === undefined || !hasWire(attachment)) continue;
      try {
        await this.#chain.check(attachment.config, attachment);
      } catch (error) {
        this.#options.log.warn('A sandbox is not attached as it was', {
          sandboxId,
          err: messageOf(error),
        });
      }
    }
  }

  /** A node that restarted has lost all wires, though its sandboxes may run. */
  #lookForLost(): void {
    // Of one that is being attached no wire is wanted yet.
    const attached = this.#attachments.list().filter(({ result }) => result !== undefined);
    const gone = attached.filter((one) => !hasWire(one));
    this.#lost = new Set(gone.map(({ containerId }) => containerId));
  }
}
