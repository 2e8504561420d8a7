// kubectl: stock kubectl against a lab's API server, as a person runs it. The pinned binary is the one that lab 02's tests have.

import { dirname, join } from 'node:path';
import {
  type Ran,
  type RunOptions,
  runTool,
  toolPath,
} from '../../02-apiserver/test/support/tools.ts';
import type { Lab } from './lab.ts';

/** Whatever its exit code. */
export function kubectl(lab: Lab, ...args: readonly string[]): Promise<Ran> {
  return kubectlWith(lab, {}, ...args);
}

export async function kubectlWith(
  lab: Lab,
  options: RunOptions,
  ...args: readonly string[]
): Promise<Ran> {
  const [path = '', ...all] = await kubectlCommand(lab, ...args);
  return runTool(path, all, options);
}

/** As somebody would type it: the program, and all that it is given. */
export async function kubectlCommand(lab: Lab, ...args: readonly string[]): Promise<string[]> {
  const config = await lab.kubeconfig();
  const cache = join(dirname(config), 'cache');
  const path = await toolPath('kubectl', '33');
  return [path, '--kubeconfig', config, '--cache-dir', cache, ...args];
}
