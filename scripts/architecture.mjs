// architecture: writes the list of source files in docs/architecture.md, one line each, from the headers of the files themselves.
//
// Run it after adding or renaming a file: `node scripts/architecture.mjs`. The tidy test says when it is due.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const BEGIN = '<!-- files: begin -->';
const END = '<!-- files: end -->';

/** One line for each source file of the labs: path and what its header says it is. */
export function architectureList(root) {
  return labsOf(root).flatMap((lab) => sourcesOf(root, lab).map((file) => lineOf(root, file)));
}

function labsOf(root) {
  return readdirSync(join(root, 'labs')).sort();
}

function sourcesOf(root, lab) {
  return readdirSync(join(root, 'labs', lab, 'src'), { recursive: true, withFileTypes: true })
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
  const sections = labsOf(root).map((lab) => {
    const lines = sourcesOf(root, lab).map((file) => lineOf(root, file));
    return `### ${lab}\n\n${lines.join('\n')}\n`;
  });
  writeFileSync(path, `${before}${BEGIN}\n\n${sections.join('\n')}\n${END}${after}`);
}

if (process.argv[1]?.endsWith('architecture.mjs')) write(join(import.meta.dirname, '..'));
