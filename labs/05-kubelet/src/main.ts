// main: the kubelet as a process. Flags in, signals handled, one sentence when it cannot go on.
//
// Same idea upstream: kubernetes, cmd/kubelet/kubelet.go.

import { runMain } from '@kube-labs/apiserver';
import { runKubelet } from './kubelet.ts';
import { parseKubeletFlags } from './options.ts';

const options = parseKubeletFlags(process.argv.slice(2));
runMain('kubelet', (signal) => runKubelet(options, {}, signal));
