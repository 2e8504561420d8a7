// Watch: says that something changed of what the site is made of: lessons, sources, pages, style sheets.
//
// Many changes at once (a save of several files, a git pull) are one. Folders are watched, so new files are seen too.
import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

const QUIET_MS = 150;
const IGNORED = /(^|\/)(node_modules|\.git|\.vitest|\.kube-labs)(\/|$)|~$|\.sw[a-z]$/;

/** Calls back after each burst of changes, until the signal. */
export function watchSources(root: string, onChange: () => void, signal: AbortSignal): void {
  let timer: NodeJS.Timeout | undefined;
  const changed = (_event: string, name: string | null): void => {
    if (name !== null && IGNORED.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, QUIET_MS);
  };
  const watchers: FSWatcher[] = [
    ...treesOf(root).map((folder) => watch(folder, { recursive: true }, changed)),
    ...foldersOf(root).map((folder) => watch(folder, changed)),
  ];
  const stop = (): void => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
}

/** Watched with all that is below them. */
function treesOf(root: string): string[] {
  const parts = labsOf(root).flatMap((lab) =>
    ['src', 'steps', 'test'].map((part) => join(lab, part)),
  );
  const docs = ['pages', 'decisions', 'src'].map((part) => join(root, 'docs', part));
  return [...parts, ...docs].filter((folder) => existsSync(folder));
}

/** Watched alone: lab.yaml and README.md, the glossary, the architecture. */
function foldersOf(root: string): string[] {
  return [...labsOf(root), join(root, 'docs')];
}

function labsOf(root: string): string[] {
  return readdirSync(join(root, 'labs')).map((lab) => join(root, 'labs', lab));
}
