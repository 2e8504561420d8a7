// ClassFile: a class that survives the restart of its server: one JSON file, written whole or not at all.
//
// Writes follow each other, and changes that come while one is on its way go into the next, so a busy class costs one write at a time.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LabError } from '../lab/lab-error.ts';
import type { Classroom } from './classroom.ts';

/** The class of that file, or undefined when there is none. Throws with a sentence when it cannot be read. */
export async function readClass(path: string): Promise<Classroom | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new LabError(`Cannot read the class of ${path}: ${(error as Error).message}`);
  }
  const room = parse(text);
  if (isClassroom(room)) return room;
  throw new LabError(
    `Cannot read the class of ${path}: it is damaged; move it away to begin a new one`,
  );
}

export class ClassFile {
  readonly #path: string;
  #next: Classroom | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when this class, or a newer one, is on the disk. */
  write(room: Classroom): Promise<void> {
    const isFirst = this.#next === undefined;
    this.#next = room;
    if (isFirst) this.#writing = this.#writing.then(() => this.#flush());
    return this.#writing;
  }

  async #flush(): Promise<void> {
    const room = this.#next;
    this.#next = undefined;
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(`${this.#path}.tmp`, JSON.stringify(room, undefined, 2), { mode: 0o600 });
    await rename(`${this.#path}.tmp`, this.#path);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isClassroom(value: unknown): value is Classroom {
  const { code, boardKey, learners } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof code === 'string' &&
    typeof boardKey === 'string' &&
    Array.isArray(learners) &&
    learners.every(
      (learner) =>
        typeof learner?.id === 'string' &&
        typeof learner.name === 'string' &&
        typeof learner.tokenHash === 'string' &&
        typeof learner.times === 'object' &&
        Array.isArray(learner.failing),
    )
  );
}
