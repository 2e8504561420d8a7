// Known files: which of the files that vitest has translated are not any more what they were then.
//
// Translating all of a lab again takes longer than its tests, and a learner saves one file. Rules of use
//   - look() comes before the files are read: what changes between the two is a change at the next look.
//   - A file is known by the marks that the system keeps of it. Nobody can write to one and leave all of them as they were.
//   - A file that comes or goes changes what an import means elsewhere: then everything has changed.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export class KnownFiles {
  #marks: ReadonlyMap<string, string> = new Map();
  #names = '';

  /** What has changed since the last look; `folders` are those in which files may come and go. */
  look(files: Iterable<string>, folders: Iterable<string>): 'all' | ReadonlySet<string> {
    const inside = [...new Set(folders)].flatMap(filesOf);
    const marks = new Map([...files, ...inside].map((file) => [file, markOf(file)]));
    const names = inside.sort().join('\n');
    const changed = [...marks].filter(([file, mark]) => this.#marks.get(file) !== mark);
    const isSame = names === this.#names;
    this.#marks = marks;
    this.#names = names;
    return isSame ? new Set(changed.map(([file]) => file)) : 'all';
  }
}

function filesOf(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return []; // Gone: its files were there at the last look, so that is a change too.
  }
}

function markOf(file: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return 'not there';
  }
}
