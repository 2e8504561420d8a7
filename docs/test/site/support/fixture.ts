// Fixture: a repository of two small labs, and copies of it that a test may spoil.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuiltSite, buildSite } from '../../../src/site/build.ts';
import type { Transcripts } from '../../../src/site/build-context.ts';

export const FIXTURE = join(import.meta.dirname, '../fixtures/repo');

/** Stands for what transcripts.ts makes, where a test is about something else. */
export const CANNED: Transcripts = {
  of: (lab, step, kind) =>
    kind === 'red'
      ? `${lab.id} · ${step.title}\n\n  ○ it counts   not written yet\n    and goes on\n\n0 passed\n`
      : `${lab.id} · ${step.title}\n\n  ✓ it counts\n\n1 passed\n`,
};

/** A copy of the fixture that goes when the test is over. */
export class Repository implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'kube-labs-site-test-'));

  constructor() {
    cpSync(FIXTURE, this.root, { recursive: true });
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
  }

  replace(file: string, from: string, to: string): void {
    const text = this.read(file);
    if (!text.includes(from)) throw new Error(`The fixture's ${file} has no ${from}`);
    this.write(file, text.replace(from, to));
  }

  build(): BuiltSite {
    return buildSite({ root: this.root, transcripts: CANNED });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The text of a built page. */
export function pageOf({ files }: BuiltSite, file: string): string {
  const content = files.get(file);
  if (content === undefined) throw new Error(`The site has no ${file}`);
  return content.toString();
}
