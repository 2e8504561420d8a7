// RunCommand: what every verb of the launcher has around it.
//
// The first Ctrl-C (or SIGTERM, or a closed terminal) aborts the signal and the verb cleans up after itself; a
// second one does not wait. An error is one sentence on standard error and exit code 1; never a stack, unless
// KUBE_LABS_STACK=1 asks for it.

import { ClusterError, messageOf } from './cluster-error.ts';
import { explainDockerError } from './docker.ts';

export async function runCommand(verb: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, stop);
  try {
    await verb(controller.signal);
    if (controller.signal.aborted) process.exitCode = 130;
  } catch (error) {
    report(explainDockerError(error) ?? error);
    process.exitCode = controller.signal.aborted ? 130 : 1;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}

function report(error: unknown): void {
  console.error(`Error: ${messageOf(error)}`);
  if (ClusterError.is(error)) {
    for (const line of error.details) console.error(`  ${line}`);
  }
  if (process.env.KUBE_LABS_STACK === '1' && error instanceof Error) console.error(error.stack);
}
