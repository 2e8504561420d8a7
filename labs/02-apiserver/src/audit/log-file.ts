// Audit log: one JSON object a line, in a file that does not grow for ever.
//
//   audit.log  →  audit-2026-01-31T10-20-30.000.log     when the next line would make it larger than it may be
// Rules of use: write() never throws and never waits; what cannot be written is counted and said to `warn`, once until it works again.
// Close() resolves when every line is on its way to the disk.
// Upstream: apiserver, plugin/pkg/audit/log, over the rotating file of natefinch/lumberjack.
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export interface LogFileOptions {
  /** '-' = the standard output. */
  readonly path: string;
  /** Megabytes; a longer file is put aside. 0 = 100, as upstream. */
  readonly maxSizeMegabytes?: number;
  /** Files that were put aside. 0 = all. */
  readonly maxBackups?: number;
  /** Days after which a file that was put aside goes. 0 = never. */
  readonly maxAgeDays?: number;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
}

const MEGABYTE = 1024 * 1024;
const DAY_MS = 86_400_000;
const DEFAULT_MEGABYTES = 100;
/** Lines that wait for a disk that does not keep up; more of them are lost, and counted. */
const WAITING_BYTES_MAX = 64 * MEGABYTE;

export class AuditLogFile {
  readonly #options: LogFileOptions;
  readonly #maxBytes: number;
  #file: FileHandle | undefined;
  #bytes = 0;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #isFailing = false;
  #running: Promise<void> | undefined;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#maxBytes = (options.maxSizeMegabytes || DEFAULT_MEGABYTES) * MEGABYTE;
  }

  write(line: string): void {
    if (this.#waitingBytes > WAITING_BYTES_MAX) {
      this.#lost++;
      return;
    }
    this.#waiting.push(`${line}\n`);
    this.#waitingBytes += line.length + 1;
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #run(): Promise<void> {
    // The rest of this turn may add more.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        for (const piece of this.#pieces(lines)) await this.#append(piece);
        this.#recovered();
      } catch (error) {
        this.#failed(lines.length, error);
      }
    }
    this.#running = undefined;
  }

  /** Lines together, as long as they fit into one file. */
  *#pieces(lines: readonly string[]): Generator<string> {
    let piece = '';
    for (const line of lines) {
      if (piece !== '' && piece.length + line.length > this.#maxBytes) {
        yield piece;
        piece = '';
      }
      piece += line;
    }
    yield piece;
  }

  async #append(piece: string): Promise<void> {
    const bytes = Buffer.from(piece);
    if (this.#options.path === '-') {
      await new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()));
      return;
    }
    if (this.#file === undefined) await this.#open();
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#maxBytes) await this.#rotate();
    await this.#file?.appendFile(bytes);
    this.#bytes += bytes.length;
  }

  async #open(): Promise<void> {
    // Who asked for what, also of secrets: nobody else's business.
    this.#file = await open(this.#options.path, 'a', 0o600);
    this.#bytes = (await this.#file.stat()).size;
  }

  async #rotate(): Promise<void> {
    const { path, now } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    await rename(path, await this.#freeName(now()));
    await this.#open();
    await this.#removeOld();
  }

  /** Two files may be put aside in one millisecond. */
  async #freeName(date: Date): Promise<string> {
    for (let at = date.getTime(); ; at++) {
      const name = this.#nameAside(new Date(at));
      const isThere = await stat(name).then(
        () => true,
        () => false,
      );
      if (!isThere) return name;
    }
  }

  #nameAside(date: Date): string {
    const { path } = this.#options;
    const extension = extname(path);
    const time = date.toISOString().slice(0, -1).replaceAll(':', '-');
    return `${path.slice(0, path.length - extension.length)}-${time}${extension}`;
  }

  async #removeOld(): Promise<void> {
    const { path, maxBackups = 0, maxAgeDays = 0, now } = this.#options;
    const extension = extname(path);
    const prefix = `${basename(path, extension)}-`;
    const pattern = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/;
    const timeOf = (name: string) => name.slice(prefix.length, name.length - extension.length);
    const names = (await readdir(dirname(path)))
      .filter((name) => name.startsWith(prefix) && name.endsWith(extension))
      .filter((name) => pattern.test(timeOf(name)))
      .sort()
      .reverse();
    const oldest = now().getTime() - maxAgeDays * DAY_MS;
    for (const [i, name] of names.entries()) {
      const isTooMany = maxBackups > 0 && i >= maxBackups;
      const at = Date.parse(`${timeOf(name).replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:')}Z`);
      if (isTooMany || (maxAgeDays > 0 && at < oldest)) await rm(join(dirname(path), name));
    }
  }

  #failed(lines: number, error: unknown): void {
    this.#lost += lines;
    if (this.#isFailing) return;
    this.#isFailing = true;
    const reason = (error as Error).message;
    this.#options.warn(`cannot write the audit log ${this.#options.path}: ${reason}`);
  }

  #recovered(): void {
    if (this.#lost === 0) return;
    const { path, warn } = this.#options;
    warn(`the audit log ${path} is written again; ${this.#lost} events are missing in it`);
    this.#lost = 0;
    this.#isFailing = false;
  }
}
