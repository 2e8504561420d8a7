// @kube-labs/kubelet: the public names of lab 05, and nothing else.

export { Kubelet, runKubelet } from './kubelet.ts';
export type { KubeletDeps } from './kubelet-parts.ts';
export { KUBELET_VERSION, type KubeletOptions, parseKubeletFlags } from './options.ts';
export type { MachineInfo, StatsProvider } from './stats-provider.ts';
