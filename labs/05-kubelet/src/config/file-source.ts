// FileSource: the static pods of this node: one for each file of a folder (or of the one file that is named).
//
// The folder is read every 20 s, and soon after something in it changed.
//   1. A file that cannot be read or is no valid pod is complained of once, and what it said before stays.
//   2. A pod comes only when the one that its file had before, and the one that has its name, have left nothing behind.
//   3. Of two files for one name the one that has it keeps it.
// The source is complete when every file has been read once, but for one that is written without end.
//
// Same idea upstream: kubernetes, pkg/kubelet/config/file.go and file_linux.go, where rule 1 takes the pod away.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { readManifest, SETTLE_MS, signatureOf } from './manifest-file.ts';
import { ManifestFolder } from './manifest-folder.ts';
import { nameOf, type PodManager, type PodSource } from './pod-manager.ts';
import { isSameStaticPod } from './static-pod.ts';

export interface FileSourceOptions {
  readonly path: string;
  readonly nodeName: string;
  readonly intervalMs: number;
  readonly manager: PodManager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Is something left of a pod with this uid, or with the name (namespace/name)? */
  isAlive(uid: string, name?: string): boolean;
}

interface File {
  /** Of what was read last; absent while the file is being written. */
  signature: string | undefined;
  unsettledLooks: number;
  complaint: string | undefined;
  /** What it says now, or said when it was last good. */
  wanted: Pod | undefined;
  /** What the manager has of it. */
  given: Pod | undefined;
  /** The pod that was taken back last. */
  formerUid: string | undefined;
}

/** Being written for a moment, or for too long already. */
type Unread = 'unsettled' | 'endless';

/** Ten seconds. */
const UNSETTLED_LOOKS_MAX = 50;

export class FileSource implements PodSource {
  readonly #options: FileSourceOptions;
  readonly #files = new Map<string, File>();
  #hasSynced = false;
  #poke: () => void = () => {};
  readonly #folder: ManifestFolder;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#folder = new ManifestFolder(options.path, {
      log: options.log,
      onChange: () => this.look(),
    });
    options.manager.addSource(this);
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Something may have changed: a file, or a pod that another one waits for. */
  look(): void {
    this.#poke();
  }

  /** @param onSynced called once, when every file has been read. */
  async run(onSynced: () => void, signal: AbortSignal): Promise<void> {
    const { intervalMs, clock } = this.#options;
    try {
      while (!signal.aborted) {
        const tick = new AbortController();
        this.#poke = () => tick.abort();
        this.#folder.watch();
        const found = await this.#read();
        if (!found.has('unsettled') && !this.#hasSynced) {
          this.#hasSynced = true;
          onSynced();
        }
        // What is written all the time must not be read all the time.
        if (found.size > 0) await sleep(SETTLE_MS, signal, clock);
        else await sleep(intervalMs, AbortSignal.any([signal, tick.signal]), clock);
      }
    } finally {
      this.#folder.close();
    }
  }

  /** Resolves with what must be looked at again soon. */
  async #read(): Promise<ReadonlySet<Unread>> {
    const unread = new Set<Unread>();
    const paths = await this.#folder.paths();
    // What runs stays: whoever cannot read does not know.
    if (paths === undefined) return this.#hasSynced ? unread : unread.add('unsettled');
    for (const path of paths) {
      const why = await this.#readFile(path);
      if (why !== undefined) unread.add(why);
    }
    this.#give(new Set(paths));
    return unread;
  }

  async #readFile(path: string): Promise<Unread | undefined> {
    const { nodeName, clock, log } = this.#options;
    const file = this.#files.get(path) ?? newFile();
    this.#files.set(path, file);
    const signature = await signatureOf(path).catch(messageOf);
    if (signature === file.signature) return undefined;
    const manifest = await readManifest(path, { nodeName, nowMs: clock.now() });
    if (manifest.kind === 'unsettled') return this.#unsettled(path, file);
    file.unsettledLooks = 0;
    file.signature = signature;
    if (manifest.kind === 'bad') {
      log.error('Could not process manifest file', { path, err: manifest.error });
      return undefined;
    }
    for (const warning of manifest.warnings) log.warn('Manifest file', { path, warning });
    const isNews = file.wanted === undefined || !isSameStaticPod(file.wanted, manifest.pod);
    if (isNews) file.wanted = manifest.pod;
    return undefined;
  }

  /** The others do not wait for a file that is written for ever. */
  #unsettled(path: string, file: File): Unread {
    file.unsettledLooks++;
    if (file.unsettledLooks < UNSETTLED_LOOKS_MAX) return 'unsettled';
    const complaint = 'it is written all the time';
    if (file.complaint !== complaint) {
      this.#options.log.error('Could not process manifest file', { path, err: complaint });
    }
    file.complaint = complaint;
    return 'endless';
  }

  #give(paths: ReadonlySet<string>): void {
    const { manager } = this.#options;
    for (const [path, file] of this.#files) {
      if (!paths.has(path)) file.wanted = undefined;
      const { given, wanted } = file;
      if (given === undefined || given === wanted || isUpdate(given, wanted)) continue;
      file.given = undefined;
      file.formerUid = given.metadata?.uid;
      manager.remove(given);
    }
    for (const [path, file] of this.#files) {
      const isForgotten = !paths.has(path) && !this.#isAlive(file.formerUid);
      if (isForgotten) this.#files.delete(path);
      if (file.wanted === undefined || file.wanted === file.given) continue;
      if (!this.#mayCome(path, file.wanted, file)) continue;
      file.given = file.wanted;
      manager.set(file.wanted);
    }
  }

  #mayCome(path: string, wanted: Pod, file: File): boolean {
    if (file.given !== undefined) return true;
    const name = nameOf(wanted);
    const holder = [...this.#files].find(
      ([, { given }]) => given !== undefined && (nameOf(given) === name || hasUidOf(given, wanted)),
    );
    if (holder !== undefined) {
      this.#complainOfTwin(path, file, holder[0]);
      return false;
    }
    return !this.#isAlive(file.formerUid) && !this.#options.isAlive(uidOf(wanted), name);
  }

  #complainOfTwin(path: string, file: File, other: string): void {
    if (file.complaint === other) return;
    file.complaint = other;
    const err = `pod name or uid duplicates the one of ${other}`;
    this.#options.log.error('Could not process manifest file', { path, err });
  }

  #isAlive(uid: string | undefined): boolean {
    return uid !== undefined && this.#options.isAlive(uid);
  }
}

function newFile(): File {
  const nothing = { wanted: undefined, given: undefined, formerUid: undefined };
  const unread = { signature: undefined, unsettledLooks: 0, complaint: undefined };
  return { ...unread, ...nothing };
}

function uidOf({ metadata }: Pod): string {
  return metadata?.uid ?? '';
}

function hasUidOf(one: Pod, other: Pod): boolean {
  return uidOf(one) === uidOf(other);
}

/** A pod with a uid of its own may change under it, as one of the API does. */
function isUpdate(given: Pod, wanted: Pod | undefined): boolean {
  return wanted !== undefined && hasUidOf(given, wanted) && nameOf(given) === nameOf(wanted);
}
