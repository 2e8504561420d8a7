// Transcript: everything that anybody could have seen of the pods and of the node, also what did not last.
//
// Watches pods, events and the node from the start, and keeps each line once, by pod. Lines are as row.ts says.

import { type Client, Informer, resources } from '@kube-labs/apiserver';
import type { ContainerStatus, Node, Pod } from 'kubernetes-types/core/v1';
import type { Seen } from './row.ts';

export class Transcript {
  readonly #lines = new Map<string, Set<string>>();
  readonly #stop = new AbortController();

  static async start(client: Client): Promise<Transcript> {
    const transcript = new Transcript();
    const { signal } = transcript.#stop;
    const pods = new Informer(client, resources.pods);
    const events = new Informer(client, resources.events);
    const nodes = new Informer(client, resources.nodes);
    const notePod = (pod: Pod) => transcript.#note(pod.metadata?.name, linesOfPod(pod));
    const noteNode = (node: Node) => transcript.#note(node.metadata?.name, linesOfNode(node));
    pods.addHandler({ onAdd: notePod, onUpdate: (_, pod) => notePod(pod) });
    nodes.addHandler({ onAdd: noteNode, onUpdate: (_, node) => noteNode(node) });
    events.addHandler({
      onAdd: ({ involvedObject, reason, message }) =>
        transcript.#note(involvedObject.name, [`event ${reason} ${message}`]),
    });
    const all = [pods, events, nodes];
    for (const informer of all) void informer.run(signal);
    await Promise.all(all.map((informer) => informer.synced(signal)));
    return transcript;
  }

  of(name: string): readonly string[] {
    return [...(this.#lines.get(name) ?? [])];
  }

  forget(name: string): void {
    this.#lines.delete(name);
  }

  /** Those of `shows` that nobody has seen yet. */
  missing(name: string, shows: readonly Seen[]): readonly Seen[] {
    const lines = this.of(name);
    const isIn = (seen: Seen) => (line: string) =>
      typeof seen === 'string' ? line.includes(seen) : seen.test(line);
    return shows.filter((seen) => !lines.some(isIn(seen)));
  }

  stop(): void {
    this.#stop.abort();
  }

  #note(name = '', lines: readonly string[]): void {
    const known = this.#lines.get(name) ?? new Set();
    this.#lines.set(name, known);
    for (const line of lines) known.add(line);
  }
}

function linesOfPod({ status = {} }: Pod): string[] {
  const { phase, reason = '', message = '', containerStatuses = [] } = status;
  const all = [...(status.initContainerStatuses ?? []), ...containerStatuses];
  return [`phase ${phase} ${reason}: ${message}`, ...all.flatMap(linesOfContainer)];
}

function linesOfContainer(status: ContainerStatus): string[] {
  const { name, ready, restartCount, state, lastState } = status;
  const { waiting } = state ?? {};
  const ended = [state?.terminated, lastState?.terminated].filter((one) => one !== undefined);
  return [
    `${name} restarts ${restartCount}`,
    ...(ready ? [`${name} ready`] : []),
    ...(state?.running === undefined ? [] : [`${name} running${ready ? '' : ', not ready'}`]),
    ...(waiting === undefined ? [] : [`${name} waiting ${waiting.reason}: ${waiting.message}`]),
    ...ended.map(
      ({ reason, exitCode, message }) => `${name} terminated ${reason} ${exitCode}: ${message}`,
    ),
  ];
}

function linesOfNode({ status }: Node): string[] {
  return (status?.conditions ?? []).map((one) => `${one.type} ${one.status}`);
}
