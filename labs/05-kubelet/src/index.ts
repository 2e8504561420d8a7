// @kube-labs/kubelet: the public names of lab 05, and nothing else.

export { Kubelet, runKubelet } from './kubelet.ts';
export { KUBELET_VERSION, type KubeletOptions, parseKubeletFlags } from './options.ts';
export type { KubeletDeps } from './parts/outside.ts';
export type { MachineInfo, StatsProvider, Summary } from './stats-provider.ts';
