// Watchers: many connections that watch the pods, each of which counts the events that it gets.
//
// An event is a line of JSON, and no other newline in the stream follows a brace, so counting costs next to nothing.
import { HttpConnection, requestBytes, type Target } from './http-connection.ts';
import { podsPath } from './pods.ts';

const DEADLINE_MS = 60_000;
const OPEN_AT_ONCE = 16;
const EVENT_END = Buffer.from('}\n');
const BRACE = 0x7d;
const NEWLINE = 0x0a;

export class Watchers {
  readonly #connections: HttpConnection[] = [];
  readonly #counts: number[] = [];
  #wanted = Number.POSITIVE_INFINITY;
  #wake: (() => void) | undefined;
  #broken: Error | undefined;

  /** `slow` of them read nothing from the start. All begin at the revision of now. */
  static async open(target: Target, count: number, slow: number): Promise<Watchers> {
    const watchers = new Watchers();
    const lister = await HttpConnection.connect(target);
    const list = requestBytes('GET', `${podsPath('bench')}?limit=1`);
    const { metadata } = await lister.json<{ metadata: { resourceVersion: string } }>(list);
    lister.close();
    const path = `${podsPath('bench')}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const request = requestBytes('GET', path);
    for (let done = 0; done < count; done += OPEN_AT_ONCE) {
      const batch = Math.min(OPEN_AT_ONCE, count - done);
      await Promise.all(
        Array.from({ length: batch }, (_, i) =>
          watchers.#add(target, request, { isSlow: done + i < slow }),
        ),
      );
    }
    return watchers;
  }

  /** Resolves when everyone who reads has so many events; throws when one of them was cut off or the time is up. */
  async allSaw(events: number): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (Math.min(...this.#counts) >= events) return;
    this.#wanted = events;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const least = Math.min(...this.#counts);
        reject(new Error(`a watcher has ${least} of ${events} events after ${DEADLINE_MS} ms`));
      }, DEADLINE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        if (this.#broken === undefined) resolve();
        else reject(this.#broken);
      };
    });
  }

  close(): void {
    this.#broken = new Error('closed');
    for (const connection of this.#connections) connection.close();
  }

  async #add(target: Target, request: Buffer, { isSlow }: { isSlow: boolean }): Promise<void> {
    const connection = await HttpConnection.connect(target);
    this.#connections.push(connection);
    if (isSlow) {
      connection.stream(
        request,
        () => undefined,
        () => undefined,
      );
      connection.pause();
      return;
    }
    const index = this.#counts.push(0) - 1;
    let lastByte = 0;
    let isOpen: (() => void) | undefined;
    const opened = new Promise<void>((resolve) => {
      isOpen = resolve;
    });
    const onData = (chunk: Buffer) => {
      isOpen?.();
      const split = lastByte === BRACE && chunk[0] === NEWLINE ? 1 : 0;
      lastByte = chunk[chunk.length - 1] ?? 0;
      this.#saw(index, eventsIn(chunk) + split);
    };
    connection.stream(request, onData, () => this.#cutOff());
    await opened;
  }

  #saw(index: number, events: number): void {
    if (events === 0) return;
    const before = this.#counts[index] ?? 0;
    this.#counts[index] = before + events;
    if (before >= this.#wanted || before + events < this.#wanted) return;
    if (Math.min(...this.#counts) >= this.#wanted) this.#done();
  }

  #cutOff(): void {
    this.#broken ??= new Error('the server ended a watch');
    this.#done();
  }

  #done(): void {
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#wake?.();
    this.#wake = undefined;
  }
}

function eventsIn(chunk: Buffer): number {
  let events = 0;
  for (let at = chunk.indexOf(EVENT_END); at >= 0; at = chunk.indexOf(EVENT_END, at + 2))
    events += 1;
  return events;
}
