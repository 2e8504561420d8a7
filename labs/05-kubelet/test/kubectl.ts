// kubectl: stock kubectl against a lab's API server, as a person runs it. The pinned binary is the one that lab 02's tests have.

import { dirname, join } from 'node:path';
import { type Ran, runTool, toolPath } from '../../02-apiserver/test/support/tools.ts';
import type { Lab } from './lab.ts';

/** Whatever its exit code. */
export async function kubectl(lab: Lab, ...args: readonly string[]): Promise<Ran> {
  const config = await lab.kubeconfig();
  const cache = join(dirname(config), 'cache');
  const all = ['--kubeconfig', config, '--cache-dir', cache, ...args];
  return runTool(await toolPath('kubectl', '33'), all);
}
