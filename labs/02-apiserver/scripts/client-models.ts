// client-models: reads the classes of @kubernetes/client-node as what they were generated from, OpenAPI schemas.
//
// A class says its JSON names, types and formats at run time (attributeTypeMap); its `.d.ts` says the rest: descriptions,
// and which fields are required (no `?`). Classes have flat names (V1Pod); the group each one belongs to is found by the
// caller. The API classes give the group and version of a URL path and the models it speaks of.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface ModelField {
  readonly name: string;
  /** As in the class: `string`, `Array<V1Pod>`, `{ [key: string]: string; }`. */
  readonly type: string;
  readonly format: string;
  readonly required: boolean;
  readonly description: string;
}
export interface Model {
  /** `V1Pod`, `CoreV1Event`. */
  readonly className: string;
  /** `Core` in `CoreV1Event`: there when the same kind lives in several groups. */
  readonly groupHint: string;
  readonly version: string;
  readonly kind: string;
  readonly description: string;
  readonly fields: readonly ModelField[];
}
export interface ApiGroupVersion {
  readonly group: string;
  readonly version: string;
  readonly models: readonly string[];
}

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const CLASS_NAME = /^((?:[A-Z][a-z]+)?)V(\d+(?:alpha\d+|beta\d+)?)([A-Z]\w*)$/;
/** A doc comment is optional; `_default` and the like stand for names that JavaScript reserves. */
const MEMBER = /(?:\/\*\*\s*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*)?'(\w+)'(\??): /g;

export async function readModels(directory: string): Promise<ReadonlyMap<string, Model>> {
  const models = new Map<string, Model>();
  for (const file of readdirSync(directory).sort()) {
    const className = file.endsWith('.d.ts') ? file.slice(0, -'.d.ts'.length) : '';
    const parts = CLASS_NAME.exec(className);
    if (parts === null || /alpha|beta/.test(parts[2] ?? '')) continue;
    const declaration = readFileSync(join(directory, file), 'utf8');
    models.set(className, {
      className,
      groupHint: (parts[1] ?? '').toLowerCase(),
      version: `v${parts[2]}`,
      kind: parts[3] ?? '',
      description: prose(/\/\*\*\n\* ([\s\S]*?)\*\/\nexport declare class/.exec(declaration)?.[1]),
      fields: fieldsOf(declaration, await attributesOf(directory, className)),
    });
  }
  return models;
}

async function attributesOf(directory: string, className: string): Promise<readonly Attribute[]> {
  const url = pathToFileURL(join(directory, `${className}.js`)).href;
  const loaded: Record<string, { readonly attributeTypeMap: readonly Attribute[] }> = await import(
    url
  );
  return loaded[className]?.attributeTypeMap ?? [];
}

function fieldsOf(declaration: string, attributes: readonly Attribute[]): ModelField[] {
  const members = new Map<string, { description: string; required: boolean }>();
  for (const [, comment, name, optional] of declaration.matchAll(MEMBER)) {
    members.set(name ?? '', { description: prose(comment), required: optional === '' });
  }
  return attributes.map((attribute) => ({
    name: attribute.baseName,
    type: attribute.type,
    format: attribute.format,
    required: members.get(attribute.name)?.required ?? false,
    description: members.get(attribute.name)?.description ?? '',
  }));
}

function prose(comment: string | undefined): string {
  return (comment ?? '')
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\\(['"\\])/g, '$1')
    .replace(/\*\\\//g, '*/')
    .trim();
}

export function readApis(directory: string): ApiGroupVersion[] {
  const apis: ApiGroupVersion[] = [];
  for (const file of readdirSync(directory).sort()) {
    if (!/V\d+Api\.js$/.test(file)) continue;
    const source = readFileSync(join(directory, file), 'utf8');
    const path = /localVarPath = '\/(?:api|apis\/([\w.-]+))\/(v\d+)\//.exec(source);
    if (path === null) continue;
    const declaration = readFileSync(join(directory, file.replace(/\.js$/, '.d.ts')), 'utf8');
    const imports = [...declaration.matchAll(/from '\.\.\/models\/(\w+)\.js'/g)];
    apis.push({
      group: path[1] ?? '',
      version: path[2] ?? '',
      models: imports.map(([, name]) => name ?? ''),
    });
  }
  return apis;
}
