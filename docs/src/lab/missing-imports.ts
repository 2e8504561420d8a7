// Missing imports: what a body of the reference needs from other files, where the learner's file does not import it any more.

import type { Edit } from '../course/stub.ts';
import { typescript } from '../course/typescript.ts';

interface Import {
  /** `node:fs`, as written between the quotes. */
  readonly from: string;
  readonly name: string;
  readonly text: string;
}

/** One new line for each name that the body uses, that the reference imports, and that the text does not have. */
export function missingImports(text: string, reference: string, body: string): readonly Edit[] {
  const own = importsOf(text);
  const words = new Set(body.match(/[A-Za-z_$][\w$]*/g) ?? []);
  const missing = importsOf(reference).imports.filter(
    ({ name }) =>
      words.has(name) && !own.imports.some((each) => each.name === name) && !declares(text, name),
  );
  if (missing.length === 0) return [];
  const lines = missing.map(({ text: statement }) => `${statement}\n`).join('');
  return [{ start: own.end, end: own.end, text: lines }];
}

const declares = (text: string, name: string): boolean =>
  new RegExp(
    `(?:class|function|const|let|interface|type)\\s+${name.replaceAll('$', '\\$')}\\b`,
  ).test(text);

/** Every imported name with a statement that imports it alone, and the place after the last import. */
function importsOf(text: string): { imports: readonly Import[]; end: number } {
  const t = typescript();
  const source = t.createSourceFile('imports.ts', text, t.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  let end = 0;
  for (const node of source.statements) {
    if (!t.isImportDeclaration(node) || !t.isStringLiteral(node.moduleSpecifier)) continue;
    end = text.indexOf('\n', node.end) + 1 || text.length;
    const from = node.moduleSpecifier.text;
    const clause = node.importClause;
    if (clause === undefined) continue;
    const type = clause.isTypeOnly ? 'type ' : '';
    const add = (name: string, what: string) =>
      imports.push({ from, name, text: `import ${type}${what} from '${from}';` });
    if (clause.name !== undefined) add(clause.name.text, clause.name.text);
    const bindings = clause.namedBindings;
    if (bindings === undefined) continue;
    if (t.isNamespaceImport(bindings)) add(bindings.name.text, `* as ${bindings.name.text}`);
    else for (const each of bindings.elements) add(each.name.text, `{ ${each.getText(source)} }`);
  }
  return { imports, end };
}
