// Load failure: a test file that could not even be loaded. Mostly a syntax error in the learner's file; a result like others,
// with place and reason, and the whole step counts as not reached.
import { realpathSync } from 'node:fs';
import { inLab, type Place, placeOf, type SeenError, withoutColors } from './failure.ts';

export interface LoadFailure {
  readonly message: string;
  readonly at?: Place;
  /** Whether the place is in the learner's folder; if not, the course may be at fault. */
  readonly inLearnersCode: boolean;
}

interface TransformError extends SeenError {
  readonly __vitest_rollup_error__?: { readonly id?: string };
}

export function loadFailureOf(error: TransformError, srcFolder: string): LoadFailure {
  const message = withoutColors(error.message);
  const unread = error.__vitest_rollup_error__?.id;
  if (unread !== undefined) return syntaxError(message, unread, srcFolder);
  const unresolved =
    /(?:Failed to resolve import|Cannot find (?:module|package)) ['"](.+?)['"](?: (?:from|imported from) ['"](.+?)['"])?/.exec(
      message,
    );
  const at = placeOf(error, srcFolder);
  const where = at === undefined ? {} : { at };
  if (unresolved !== null) {
    const [, wanted = '', importer = ''] = unresolved;
    const learners =
      /^#src\//.test(wanted) || wanted.startsWith(srcFolder) || inFolder(importer, srcFolder);
    return {
      message: `there is no ${wanted.replace(`${srcFolder}/`, 'src/').replace(/^#/, '')} to import`,
      ...(at === undefined && inFolder(importer, srcFolder)
        ? { at: { file: inLab(importer, srcFolder), line: 1 } }
        : where),
      inLearnersCode: learners || at !== undefined,
    };
  }
  const [first = message] = message.split('\n');
  return {
    message: error.name === undefined || error.name === 'Error' ? first : `${error.name}: ${first}`,
    ...where,
    inLearnersCode: at !== undefined,
  };
}

/** `[PARSE_ERROR] Unexpected token` and, further down, `[ src/counter.ts:17:15 ]`. */
function syntaxError(message: string, file: string, srcFolder: string): LoadFailure {
  const reason =
    /\[PARSE_ERROR\]\s*(.+)/.exec(message)?.[1] ?? message.split('\n').at(-1) ?? message;
  const line = Number(/:(\d+):\d+ \]/.exec(message)?.[1] ?? 1);
  const inside = inFolder(file, srcFolder);
  return {
    message: `this is no TypeScript: ${reason.trim()}`,
    ...(inside ? { at: { file: inLab(file, srcFolder), line } } : {}),
    inLearnersCode: inside,
  };
}

const inFolder = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);

/** vitest names files by their real path. */
export const realFolder = (folder: string): string => realpathSync(folder);
