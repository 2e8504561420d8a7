// serveDns: cluster DNS on its address of this node, for as long as the proxy runs.
//
// Binding is tried again and again: the address may be held by a predecessor that is still ending, or somebody took the
// sink device away and the next full sync brings it back. The resolvers outside are those of resolv.conf as it is
// now; it is read again without making a question wait.

import { readFile } from 'node:fs/promises';
import { type Logger, messageOf, realClock, sleep } from '@kube-labs/apiserver';
import type { DnsSource, ZoneOptions } from './cluster-records.ts';
import { startDnsServer } from './dns-server.ts';
import { Forwarder, type Upstream } from './forwarder.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { Resolver } from './resolver.ts';

export interface ServeDnsOptions extends ZoneOptions {
  readonly address: string;
  readonly source: DnsSource;
  readonly resolvConf: string;
  readonly log: Logger;
  onBound(): void;
  onAnswer(type: string, rcode: string): void;
}

const DNS_PORT = 53;
const BIND_RETRY_MS = 1_000;
const RESOLV_CONF_MAX_AGE_MS = 5_000;

/** Returns when the signal aborts; never rejects. */
export async function serveDns(options: ServeDnsOptions, signal: AbortSignal): Promise<void> {
  const { address, log, zone } = options;
  const upstreams = await followResolvConf(options.resolvConf, address);
  const forwarder = new Forwarder({ upstreams, clock: realClock });
  const resolver = new Resolver({ ...options, forwarder });
  const answer = resolver.answer.bind(resolver);
  while (!signal.aborted) {
    try {
      const server = await startDnsServer({ address, port: DNS_PORT, answer, log });
      options.onBound();
      log.info('Serving cluster DNS', { address, zone });
      await aborted(signal);
      await server[Symbol.asyncDispose]();
    } catch (error) {
      log.error('Cannot serve cluster DNS, will retry', { address, err: messageOf(error) });
      await sleep(BIND_RETRY_MS, signal);
    }
  }
}

async function followResolvConf(path: string, ownAddress: string): Promise<() => Upstream[]> {
  let upstreams: Upstream[] = [];
  let readAt = 0;
  const read = async (): Promise<void> => {
    readAt = realClock.now();
    const text = await readFile(path, 'utf8').catch(() => '');
    upstreams = parseResolvConf(text, ownAddress);
  };
  await read();
  return () => {
    if (realClock.now() - readAt > RESOLV_CONF_MAX_AGE_MS) void read();
    return upstreams;
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
