// Stubs: which symbols of a step still are what the skeleton had there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CourseError } from '../course/course-error.ts';
import type { Step, SymbolRef } from '../course/model.ts';
import { isStub } from '../course/stub.ts';
import { parseRef } from '../course/symbols.ts';

/** A symbol that is not there at all, or whose file cannot be parsed, is not a stub: somebody has been at work. */
export function stubsOfStep(step: Step, srcFolder: string): readonly SymbolRef[] {
  return step.owns
    .filter((owned) => {
      const { file } = parseRef(owned.symbol);
      const path = join(srcFolder, file.slice('src/'.length));
      try {
        return existsSync(path) && isStub(readFileSync(path, 'utf8'), owned, path);
      } catch (error) {
        if (CourseError.is(error)) return false;
        throw error;
      }
    })
    .map(({ symbol }) => symbol);
}
