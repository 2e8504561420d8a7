// long-running: which requests last until somebody wants them to end.
//
// They have no time limit, take no place among those that are under way, and do not count towards latencies.
//
// Same rule upstream: apiserver, endpoints/request/longrunning (BasicLongRunningRequestCheck) with kube-apiserver's verbs and subresources.

import type { RequestInfo } from './request-info.ts';

const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set([
  'attach',
  'exec',
  'proxy',
  'log',
  'portforward',
]);

/** Watches, logs, exec, proxies: a request that ends when somebody wants it to. */
export function isLongRunning(info: RequestInfo): boolean {
  if (info.kind === 'path') return false;
  return info.verb === 'watch' || LONG_RUNNING_SUBRESOURCES.has(info.subresource ?? '');
}
