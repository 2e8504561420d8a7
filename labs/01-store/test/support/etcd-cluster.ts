// A real etcd of three members for a test: Debian's, on free loopback ports, data in a temporary directory.
//
// Elections are quick (half a second or a whole one), so that a test may kill the leader many times in a minute.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { freePort } from '../../../../test/free-port.ts';
import { EtcdProcess } from './etcd.ts';
import { eventually } from './eventually.ts';

export interface EtcdCluster extends AsyncDisposable {
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdProcess[];
  /** Every member answers a linearizable read, so each follows a leader. */
  ready(): Promise<void>;
}

export async function startEtcdCluster(size = 3): Promise<EtcdCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'kube-labs-etcd-'));
  const urls: { client: string; peer: string }[] = [];
  for (let i = 0; i < size; i++) {
    const [client, peer] = [await freePort(), await freePort()].map((p) => `http://127.0.0.1:${p}`);
    urls.push({ client: client as string, peer: peer as string });
  }
  const initialCluster = urls.map(({ peer }, i) => `member-${i}=${peer}`).join(',');
  const members = urls.map(
    ({ client, peer }, i) =>
      new EtcdProcess({
        '--name': `member-${i}`,
        '--data-dir': join(directory, `member-${i}`),
        '--listen-client-urls': client,
        '--advertise-client-urls': client,
        '--listen-peer-urls': peer,
        '--initial-advertise-peer-urls': peer,
        '--initial-cluster': initialCluster,
        '--heartbeat-interval': '100',
        '--election-timeout': '500',
      }),
  );
  const cluster: EtcdCluster = {
    endpoints: urls.map(({ client }) => client),
    members,
    ready: async () => {
      await Promise.all(urls.map(({ client }) => eventually(() => readOnce(client), 60_000)));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map((member) => member.kill()));
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(members.map((member) => member.start()));
    await cluster.ready();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function readOnce(endpoint: string): Promise<void> {
  await using store = await openEtcd3Store({ endpoints: [endpoint], requestTimeoutMs: 2000 });
  await store.range({ key: 'ready' });
}
