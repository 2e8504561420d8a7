// architecture: writes the list of source files (labs and course) in docs/architecture.md, one line each, from their own headers.
//
// Run it after adding or renaming a file: `node scripts/architecture.mjs`. The tidy test says when it is due.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const BEGIN = '<!-- files: begin -->';
const END = '<!-- files: end -->';

/** One line for each source file of the labs and the course: path and what its header says it is. */
export function architectureList(root) {
  return partsOf(root).flatMap((part) => sourcesOf(root, part).map((file) => lineOf(root, file)));
}

function partsOf(root) {
  const labs = readdirSync(join(root, 'labs')).sort();
  return [...labs.map((lab) => `labs/${lab}`), 'docs'];
}

function sourcesOf(root, part) {
  return readdirSync(join(root, part, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function lineOf(root, file) {
  const [first] = readFileSync(join(root, file), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#!'));
  const purpose = (first ?? '').replace(/^\/\/ /, '').replace(/^[\w.\-/]+: /, '');
  return `- \`${file}\`: ${purpose}`;
}

function write(root) {
  const path = join(root, 'docs/architecture.md');
  const text = readFileSync(path, 'utf8');
  const [before] = text.split(BEGIN);
  const after = text.split(END)[1] ?? '\n';
  const sections = partsOf(root).map((part) => {
    const lines = sourcesOf(root, part).map((file) => lineOf(root, file));
    return `### ${part.replace('labs/', '')}\n\n${lines.join('\n')}\n`;
  });
  writeFileSync(path, `${before}${BEGIN}\n\n${sections.join('\n')}\n${END}${after}`);
}

if (process.argv[1]?.endsWith('architecture.mjs')) write(join(import.meta.dirname, '..'));
