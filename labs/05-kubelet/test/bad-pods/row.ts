// Row: one bad pod, and what people must see of it. The tables beside this file are made of rows.
//
// What is seen is written as lines, in the words of the API (transcript.ts): `phase Failed Evicted: message`,
// `c waiting CrashLoopBackOff: message`, `c terminated OOMKilled 137: message`, `c ready`, `event FailedMount message`.
// A row names parts of lines; all must have been seen. Its container is called c, and waits in peace where it has no command.

import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { IMAGE, type Lab, script } from '../lab.ts';

export type Seen = string | RegExp;

export interface Row {
  readonly name: string;
  readonly pod: Pod;
  readonly shows: readonly Seen[];
  /** What else must be true while it is there. */
  readonly also?: ((lab: Lab) => Promise<void>) | undefined;
}

export interface More {
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: Pod['metadata'];
  readonly also?: (lab: Lab) => Promise<void>;
}

/** A shell that does nothing, costs nothing, and ends at once when it is told to. */
export const WAIT = 'sleep 600 & wait';

export function bad(
  name: string,
  container: Partial<Container>,
  shows: readonly Seen[],
  { spec, metadata, also }: More = {},
): Row {
  const pod: Pod = {
    metadata: { name, namespace: 'default', ...metadata },
    spec: {
      nodeName: 'node-1',
      terminationGracePeriodSeconds: 1,
      containers: [script('c', WAIT, container)],
      ...spec,
    },
  };
  return { name, pod, shows, also };
}

/** For what is to end by itself, and stay ended; what it says becomes its message when it fails. */
export const once = (text: string): Partial<Container> => ({
  image: IMAGE,
  command: ['sh', '-c', text],
  terminationMessagePolicy: 'FallbackToLogsOnError',
});

export const NEVER: More = { spec: { restartPolicy: 'Never' } };
