// ExecAttempt: a probe that runs a command in the container: well is what exits with 0 in time.
//
// Same idea upstream: kubernetes, pkg/probe/exec.

import type { ExecAction } from 'kubernetes-types/core/v1';
import type { AttemptResult, AttemptTarget } from './attempt-target.ts';

export async function probeByCommand(
  action: ExecAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { runtime, containerId, timeoutMs } = target;
  const command = action.command ?? [];
  const result = await runtime.execSync(containerId, command, { timeoutMs, signal });
  if (result.kind === 'timeout') {
    const text = `command "${command.join(' ')}" timed out after ${timeoutMs / 1_000}s`;
    return { kind: 'failure', output: `command timed out: ${text}` };
  }
  if (result.exitCode === 0) return { kind: 'success' };
  return { kind: 'failure', output: result.output };
}
