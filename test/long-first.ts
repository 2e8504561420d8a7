// LongFirst: the order of a suite whose longest test files mostly wait, so that they wait beside the others and not after them.
//
// On a fresh clone vitest knows no durations and begins with the largest files; what waits for a minute is often a small one.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** @param first ends of the paths of the files that come before all others, in this order. */
export function longFirst(...first: readonly string[]): typeof BaseSequencer {
  const rank = ({ moduleId }: TestSpecification) => {
    const at = first.findIndex((end) => moduleId.endsWith(end));
    return at < 0 ? first.length : at;
  };
  return class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
    }
  };
}
