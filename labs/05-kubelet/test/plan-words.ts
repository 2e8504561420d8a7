// PlanWords: what the tables of plans are made from: a view with defaults, and one word for each action.

import type { PodAction, PodView } from '#src/pod/pod-view.ts';
import { pod, runtimePod } from './objects.ts';

export function view(rest: Partial<PodView>): PodView {
  return {
    pod: pod(),
    runtime: runtimePod([]),
    failedProbes: new Map(),
    hasStarted: () => true,
    restartDelayMs: () => 0,
    ...rest,
  };
}

/** One word for each action. */
export function words(actions: readonly PodAction[]): string[] {
  return actions.map((action) => {
    switch (action.kind) {
      case 'create-sandbox':
        return `create-sandbox ${action.attempt}`;
      case 'start-container':
        return `start ${action.spec.name} ${action.attempt}`;
      case 'kill-container':
        return `kill ${action.message}`;
      case 'back-off':
        return `back-off ${action.spec.name} ${action.delayMs}`;
      default:
        return action.kind;
    }
  });
}
