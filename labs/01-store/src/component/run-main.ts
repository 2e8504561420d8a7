// runMain: what every process has around its main function.
//
// SIGTERM and SIGINT abort the signal that main() got; main() cleans up and returns, and the process exits 0. A
// second signal does not wait. An error ends the process with code 1 and one sentence: whoever starts a component
// wants to know what to change, not where in our code it was noticed. KUBE_LABS_STACK=1 shows the stack as well.
// Garbage goes when nobody waits: see collect-when-idle.ts.
// Same idea upstream: k8s.io/apiserver/pkg/server/signal.go and k8s.io/component-base/cli.

import { writeSync } from 'node:fs';
import { collectWhenIdle } from './collect-when-idle.ts';
import { messageOf } from './logger.ts';

export function runMain(component: string, main: (signal: AbortSignal) => Promise<void>): void {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('uncaughtException', (error) => fail(component, error));
  process.on('unhandledRejection', (error) => fail(component, error));
  collectWhenIdle();
  main(controller.signal).then(
    () => process.exit(0),
    (error: unknown) => {
      if (controller.signal.aborted && isAbort(error)) process.exit(0);
      fail(component, error);
    },
  );
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function fail(component: string, error: unknown): never {
  writeSync(process.stderr.fd, `${component}: ${messageOf(error)}\n`);
  if (process.env.KUBE_LABS_STACK === '1' && error instanceof Error) {
    writeSync(process.stderr.fd, `${error.stack}\n`);
  }
  process.exit(1);
}
