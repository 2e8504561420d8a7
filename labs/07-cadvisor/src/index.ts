// Public names of lab 07.
export type { CgroupReader, CgroupStats } from './cgroup.ts';
export { openCgroup } from './cgroup.ts';
export type { MachineInfo } from './machine.ts';
export type { ProcessStats } from './process-stats.ts';
export { readProcesses } from './process-stats.ts';
export { createRestApi } from './rest-api.ts';
export type { StatsProvider, StatsProviderOptions } from './stats-provider.ts';
export { createStatsProvider } from './stats-provider.ts';
export type { ContainerSummary, PodSummary, StatsSummary } from './summary.ts';
