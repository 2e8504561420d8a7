// Hints: what a person reads when the cluster is there: where the kubeconfig is, what to try, how to stop it.
//
// Pure. Every line can be pasted as it is.

import { relative } from 'node:path';
import { checkoutDir } from './cluster-config.ts';
import type { UpResult } from './up.ts';
import { defaultClusterName } from './up-options.ts';

export interface HintOptions {
  readonly kubectl: string | undefined;
  readonly demo: boolean;
}

export function hints({ config, kubeconfig }: UpResult, options: HintOptions): string[] {
  const { kubectl = 'kubectl', demo } = options;
  const launcher = 'npx tsx labs/08-full-cluster';
  const name = config.name === defaultClusterName ? '' : ` --name ${config.name}`;
  const node = config.nodes.at(-1)?.name ?? 'node-1';
  const short = relative(checkoutDir, kubeconfig);
  return [
    `export KUBECONFIG=$PWD/${short}`,
    ...(options.kubectl === undefined
      ? ['', 'You have no kubectl: see https://kubernetes.io/docs/tasks/tools']
      : []),
    '',
    'Try:',
    `  ${kubectl} get nodes -o wide`,
    ...(demo
      ? [
          `  ${kubectl} get pods -o wide`,
          `  ${kubectl} exec deploy/hello -- curl -s http://hello`,
          `  ${kubectl} scale deployment hello --replicas 6`,
        ]
      : [
          `  ${kubectl} get services -A`,
          `  ${kubectl} run web --image kube-labs/demo:v1 --command -- node /opt/kube-labs/demo/server.mjs`,
          `  ${kubectl} logs web`,
        ]),
    `  ${launcher} node kill ${node}${name}`,
    '',
    `Look:  ${launcher} status${name}`,
    `Stop:  ${launcher} down${name}`,
  ];
}
