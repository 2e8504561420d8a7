// compileCache: the folder where the commands that tests start keep what Node makes of sources, so that not each of hundreds compiles
// them again. From version 22 on Node looks for it in NODE_COMPILE_CACHE; older ones do without.
import { join } from 'node:path';

export const compileCache = join(
  import.meta.dirname,
  '../../../node_modules/.cache/kube-labs/course-commands',
);
