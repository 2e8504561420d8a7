// RawDocker: what the engine takes for two containers, one after the other, when nobody manages them.
//
// The first one has the network, the second one joins it, as the two of a pod. The same client library and image as ours.
import Docker from 'dockerode';

export const IMAGE = 'kube-labs/node:v1';
/** Ends at once when it is told to. */
export const COMMAND = ['sh', '-c', 'trap "exit 0" TERM; sleep infinity & wait'];
const LABEL = 'kube-labs-bench';

export class RawDocker {
  readonly docker = new Docker();

  /** Milliseconds of so many pairs, all at the same time. */
  async pairs(network: 'none' | 'bridge', count: number): Promise<number[]> {
    const pairs = await Promise.all(Array.from({ length: count }, () => this.#pair(network)));
    await Promise.all(pairs.flatMap(({ ids }) => ids).map((id) => this.#remove(id)));
    return pairs.map(({ tookMs }) => tookMs);
  }

  /** Of this benchmark, also of one that was cut off. */
  async removeAll(...labels: readonly string[]): Promise<void> {
    for (const label of [LABEL, ...labels]) {
      const found = await this.docker.listContainers({ all: true, filters: { label: [label] } });
      await Promise.all(found.map(({ Id }) => this.#remove(Id)));
    }
  }

  async #pair(network: string): Promise<{ ids: readonly string[]; tookMs: number }> {
    const startedMs = performance.now();
    const first = await this.#start({ NetworkMode: network, IpcMode: 'shareable' });
    const own = `container:${first}`;
    const second = await this.#start({ NetworkMode: own, IpcMode: own });
    return { ids: [second, first], tookMs: performance.now() - startedMs };
  }

  async #start(HostConfig: Docker.HostConfig): Promise<string> {
    const options = { Image: IMAGE, Entrypoint: COMMAND, Cmd: [], Labels: { [LABEL]: '' } };
    const container = await this.docker.createContainer({ ...options, HostConfig });
    await container.start();
    return container.id;
  }

  async #remove(id: string): Promise<void> {
    await this.docker.getContainer(id).remove({ force: true, v: true });
  }
}
