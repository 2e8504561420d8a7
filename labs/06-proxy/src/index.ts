// @kube-labs/proxy: the public names of lab 06, and nothing else.

export { clusterRecords, type DnsSource } from './dns/cluster-records.ts';
export { cleanUpProxy, type ProxyOptions, runProxy } from './proxy.ts';
export { buildRules, type RuleSet, staticRules } from './rules.ts';
export { buildServiceMap, type ServiceMap, type ServicePort } from './service-map.ts';
