// Kubelet's main in the cluster: lab 05's kubelet with the statistics of lab 07.
//
// A lab imports lower numbers only, so lab 05 knows statistics as an interface; here the two meet. Flags and
// behaviour are lab 05's own: `npx tsx labs/05-kubelet/src/main.ts --help`.

import { createLogger, runMain } from '@kube-labs/apiserver';
import { createStatsProvider } from '@kube-labs/cadvisor';
import { parseKubeletFlags, runKubelet } from '@kube-labs/kubelet';
import { engineRoot } from './engine-root.ts';

const options = parseKubeletFlags(process.argv.slice(2));

runMain('kubelet', async (signal) => {
  const { nodeName, clusterName, rootDirectory, verbosity } = options;
  const stats = createStatsProvider({
    nodeName,
    clusterName,
    diskPath: rootDirectory,
    hostRoot: engineRoot(),
    log: createLogger('cadvisor', { verbosity }),
  });
  try {
    await runKubelet({ ...options, hostRoot: engineRoot() }, { stats }, signal);
  } finally {
    stats.close();
  }
});
