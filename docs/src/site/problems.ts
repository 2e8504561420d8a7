// Problems: what is wrong with the site, collected, so that a build names everything at once and not the first thing only.

export interface Problem {
  /** The page or the file that has to be mended. */
  readonly where: string;
  readonly what: string;
}

/** The site cannot be built as it is. Its message has one line for each problem. */
export class SiteError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ where, what }) => `  ${where}: ${what}`);
    const count = problems.length === 1 ? 'one thing is' : `${problems.length} things are`;
    super(`Cannot build the site: ${count} wrong\n${lines.join('\n')}`);
    this.name = 'SiteError';
    this.problems = problems;
  }
}
