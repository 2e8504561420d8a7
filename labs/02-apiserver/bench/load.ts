// The load generator's process: it runs the workloads that its parent names, one after another.
//
// A process of its own, so that it shares no event loop with anything that it measures.
import type { Target } from './http-connection.ts';
import { type Result, run, type Workload } from './workloads.ts';

export interface Order {
  readonly target: Target;
  readonly workload: Workload;
}

export type Answer = { readonly result: Result } | { readonly error: string };

process.on('message', ({ target, workload }: Order) => {
  run(target, workload).then(
    (result) => process.send?.({ result } satisfies Answer),
    (error: Error) => process.send?.({ error: error.stack ?? error.message } satisfies Answer),
  );
});
process.on('disconnect', () => process.exit());
