// Obey: what a pod looks like in an engine after a plan was carried out, as far as a plan can tell.
//
// Not an engine: everything succeeds, at once, and what is stopped ends with 137.

import { containerHash } from '#src/pod/kill-action.ts';
import type { PodAction } from '#src/pod/pod-view.ts';
import type { RuntimeContainer, RuntimePod } from '#src/runtime/runtime.ts';
import { exited, RUNNING, record, sandbox } from '../../objects.ts';

export function obey(before: RuntimePod, plan: readonly PodAction[]): RuntimePod {
  return plan.reduce(obeyOne, before);
}

function obeyOne(pod: RuntimePod, action: PodAction): RuntimePod {
  const stopped = (which: (container: RuntimeContainer) => boolean) =>
    pod.containers.map((one) => (which(one) ? { ...one, status: exited(137) } : one));
  const runs = ({ status }: RuntimeContainer) => status.state === 'running';
  switch (action.kind) {
    case 'stop-pod':
      return { ...pod, containers: stopped(runs), sandboxes: [] };
    case 'stop-containers':
      return { ...pod, containers: stopped(runs) };
    case 'kill-container':
      return { ...pod, containers: stopped(({ id }) => id === action.container.id) };
    case 'create-sandbox': {
      const { attempt } = action;
      return { ...pod, sandboxes: [sandbox({ id: `s${attempt}`, attempt }), ...pod.sandboxes] };
    }
    case 'start-container':
      return { ...pod, containers: [started(pod, action), ...pod.containers] };
    case 'back-off':
      return pod;
  }
}

function started(
  { sandboxes: [newest] }: RuntimePod,
  { spec, attempt }: Extract<PodAction, { kind: 'start-container' }>,
): RuntimeContainer {
  if (newest?.state !== 'ready') throw new Error(`${spec.name} is started without a sandbox`);
  const hash = containerHash(spec);
  return record(spec.name, RUNNING, { attempt, sandboxId: newest.id, hash });
}
