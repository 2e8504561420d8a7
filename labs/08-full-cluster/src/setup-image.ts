// SetupImage: the part of setup.mjs that needs the packages: makes the images, if any is missing.
//
// `npm start` does the same as the first step of `up`; `npm test` needs them before any cluster exists.

import { ClusterError } from './cluster-error.ts';
import { connectDocker, explainDockerError } from './docker.ts';
import { ensureImages } from './image.ts';

try {
  const docker = await connectDocker();
  await ensureImages(docker, (line) => console.log(`  ${line} …`));
} catch (error) {
  const known = ClusterError.is(error) ? error : explainDockerError(error);
  if (known === undefined) throw error;
  console.error(`Error: ${known.message}`);
  process.exitCode = 1;
}
