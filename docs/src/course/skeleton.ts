// Skeleton: the files around src/ in a learner's folder, so that it is a small project of its own.
//
//   tsconfig.json   the repository's own options, strict as there; what a stub does not use yet is no error
//   package.json    `#src/…` means this folder's src, as the tests write it
//   README.md       what the folder is and the commands;  AGENTS.md: how an assistant should help;  .gitignore
// Packages and lower labs resolve from the node_modules above, so the folder must lie inside the repository.
import { join, relative, sep } from 'node:path';
import type { Lab } from './model.ts';
import { repositoryRoot } from './repository.ts';

/** The files by path; `folder` is where they will lie. */
export function skeletonFiles(
  lab: Lab,
  folder: string = join(repositoryRoot, 'work', lab.id),
): ReadonlyMap<string, string> {
  return new Map([
    ['tsconfig.json', tsconfig(folder)],
    ['package.json', packageJson(lab)],
    ['README.md', readme(lab)],
    ['AGENTS.md', agents(lab)],
    ['.gitignore', 'node_modules/\n*.log\ndata/\n'],
  ]);
}

function tsconfig(folder: string): string {
  const path = relative(folder, join(repositoryRoot, 'tsconfig.json')).split(sep).join('/');
  return toJson({
    extends: path.startsWith('.') ? path : `./${path}`,
    // A stub uses neither its parameters nor what its file imports for it.
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ['src'],
    exclude: [],
  });
}

function packageJson({ id }: Lab): string {
  return toJson({
    name: `my-${id}`,
    private: true,
    type: 'module',
    imports: { '#src/*': './src/*' },
  });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readme({ id, title, steps }: Lab): string {
  const rows = steps.map((step) => `| ${step.number} | ${step.title} | ${step.minutes} min |`);
  return `# Lab ${id.slice(0, 2)} · ${title}: yours

This folder is your own: a git repository without a remote. The course reads it and never writes to it unless you ask, and
before it does it saves a copy. All files of the lab are here from the start; what you write throws "not written yet" until then.

    npx lab task                 # what the current step asks
    npx lab check                # run its tests; --watch runs them again whenever you save
    npx lab hint                 # a question, then where to look, then the shape of the code
    npx lab next                 # when it passes: on to the next step
    npx lab status               # where you are
    npx lab undo                 # bring back what a command replaced
    npx tsc -p work/${id}        # only the types, which \`check\` does not look at

Run them from the repository's folder, the one above \`work\`. On a fresh clone the first one is \`npm run lab -- start ${id}\`,
which installs what is missing; after that \`npx lab\` and \`npm run lab --\` are the same.

Write only inside \`src\`; names and signatures that the lessons speak of stay as they are, and you may add whatever you like
beside them.

| step | | planned |
|---|---|---|
${rows.join('\n')}
`;
}

function agents({ id }: Lab): string {
  return `# For an assistant that works in this folder

The person here is learning how Kubernetes works by writing it. They win nothing when the code appears; they win when they see
why it must be so. Help them get there.

1. **Ask before you tell.** What do they expect to happen, and what happens? Which invariant of the lesson is broken?
2. **Do not finish the step.** Do not write the body of a function that throws \`NOT_WRITTEN_YET\`, or that they are in the middle of.
   A line or two that shows an unknown piece of syntax or of Node's API is fine; the decision is theirs.
3. **Do not read the answer.** The reference is in \`labs/${id}/src\`. Neither open it nor quote it, unless they have passed the step
   or have asked for the solution in so many words.
4. **Let the tests speak.** \`npx lab check\` says what was expected, what came, and which invariant that is. Read it together.
   \`npx lab hint\` has three levels; offer the next one before you give an idea of your own.
5. **After a first pass, be generous**: review their code, compare it with the reference (\`npx lab diff\`), write more tests with them,
   talk about what the real one does and why.
6. Change nothing outside \`work\`, and nothing in the lab's tests.
`;
}
