// ContainerList: which containers there are, from the engine: listed once, then kept by its events.
//
// A container is known by its labels: which pod it belongs to, its name in the pod, whether it is the pod's sandbox. Sizes of the
// writable layers are asked for seldom (`sizeIntervalMs`), as the engine walks the disk for them.
// If the stream of events breaks (the engine restarts), everything is listed again.
//
// Same idea upstream: cadvisor, container/docker/handler.go. Left out: containers of other engines, raw cgroups as containers.
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@kube-labs/apiserver';
import type Docker from 'dockerode';

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Of the file with its output, on the engine's host; empty where there is none. */
  readonly logPath: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerListOptions {
  readonly docker: Docker;
  /** Only containers with all of these, as `key` or `key=value`. */
  readonly labelFilters?: readonly string[];
  readonly sizeIntervalMs?: number;
  readonly log?: Logger;
}

const RELIST_DELAY_MS = 1000;

export class ContainerList {
  readonly #options: ContainerListOptions;
  readonly #containers = new Map<string, ContainerInfo>();
  readonly #sizes = new Map<string, number>();

  constructor(options: ContainerListOptions) {
    this.#options = options;
  }

  /** Running containers. */
  list(): readonly ContainerInfo[] {
    return [...this.#containers.values()];
  }

  get(id: string): ContainerInfo | undefined {
    return this.#containers.get(id);
  }

  /** Bytes of the writable layer, once they are known. */
  sizeOf(id: string): number | undefined {
    return this.#sizes.get(id);
  }

  /** Follows the engine until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const sizes = this.#keepSizes(signal);
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (!signal.aborted)
          this.#options.log?.warn('Cannot follow the engine', { error: String(error) });
      }
      await pause(RELIST_DELAY_MS, signal);
    }
    await sizes;
  }

  /** Reads the engine's list once. */
  async refresh(): Promise<void> {
    const label = [...(this.#options.labelFilters ?? [])];
    const listed = await this.#options.docker.listContainers({ filters: { label } });
    const ids = new Set(listed.map(({ Id }) => Id));
    for (const id of this.#containers.keys()) if (!ids.has(id)) this.#forget(id);
    await Promise.all(
      [...ids].filter((id) => !this.#containers.has(id)).map((id) => this.#add(id)),
    );
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const filters = JSON.stringify({
      type: ['container'],
      event: ['start', 'die'],
      label: [...(this.#options.labelFilters ?? [])],
    });
    const events = await this.#options.docker.getEvents({ filters });
    const stream = events as unknown as Readable;
    const stop = () => stream.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.refresh();
      let rest = '';
      for await (const chunk of stream) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines.filter(Boolean)) await this.#apply(JSON.parse(line));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stream.destroy();
    }
  }

  async #apply(event: { Action: string; id: string }): Promise<void> {
    if (event.Action === 'die') this.#forget(event.id);
    else await this.#add(event.id);
  }

  #forget(id: string): void {
    this.#containers.delete(id);
    this.#sizes.delete(id);
  }

  async #add(id: string): Promise<void> {
    try {
      const { Id, Name, Config, State, ...rest } = await this.#options.docker
        .getContainer(id)
        .inspect();
      if (!State.Running) return;
      this.#containers.set(Id, {
        id: Id,
        name: Name.replace(/^\//, ''),
        image: Config.Image,
        pid: State.Pid,
        startedAtMs: Date.parse(State.StartedAt),
        // The types of the engine's client lack it.
        logPath: (rest as { LogPath?: string }).LogPath ?? '',
        labels: Config.Labels ?? {},
      });
    } catch (error) {
      // Gone between the event and the question: there is nothing to measure.
      this.#options.log?.debug('Cannot inspect a container', { id, error: String(error) });
    }
  }

  async #keepSizes(signal: AbortSignal): Promise<void> {
    const interval = this.#options.sizeIntervalMs ?? 60_000;
    const label = [...(this.#options.labelFilters ?? [])];
    while (!signal.aborted) {
      try {
        const listed = await this.#options.docker.listContainers({
          size: true,
          filters: { label },
        });
        for (const { Id, ...sizes } of listed) {
          this.#sizes.set(Id, (sizes as { SizeRw?: number }).SizeRw ?? 0);
        }
      } catch {
        // The engine is away; the next round asks again.
      }
      await pause(interval, signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
