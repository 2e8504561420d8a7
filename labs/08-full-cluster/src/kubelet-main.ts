// Kubelet's main in the cluster: lab 05's kubelet with the statistics of lab 07.
//
// A lab imports lower numbers only, so lab 05 knows statistics as an interface; here the two meet. Flags and
// behaviour are lab 05's own: `npx tsx labs/05-kubelet/src/main.ts --help`.
//
// Before it looks at its pods it ends what is left of the machine's life before: of an etcd that nobody stopped
// when the machine did, the data would still be locked.

import { createLogger, runMain } from '@kube-labs/apiserver';
import { createStatsProvider } from '@kube-labs/cadvisor';
import { parseKubeletFlags, runKubelet } from '@kube-labs/kubelet';
import Docker from 'dockerode';
import { engineResolverFile, engineRoot } from './engine-root.ts';
import { mirrorNode } from './machines.ts';

const options = parseKubeletFlags(process.argv.slice(2));

runMain('kubelet', async (signal) => {
  const { nodeName, clusterName, rootDirectory, verbosity } = options;
  const log = createLogger('machines', { verbosity });
  await mirrorNode({ docker: new Docker(), cluster: clusterName, log }, nodeName);
  const hostRoot = engineRoot();
  const stats = createStatsProvider({
    nodeName,
    clusterName,
    diskPath: rootDirectory,
    hostRoot,
    log: createLogger('cadvisor', { verbosity }),
  });
  try {
    const resolverFile = engineResolverFile(hostRoot, options.resolverFile);
    await runKubelet({ ...options, hostRoot, resolverFile }, { stats }, signal);
  } finally {
    stats.close();
  }
});
