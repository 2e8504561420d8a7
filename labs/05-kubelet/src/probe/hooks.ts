// Hooks: postStart and preStop: a command in the container, a request to it, or a while of waiting.
//
// Same idea upstream: kubernetes, pkg/kubelet/lifecycle/handlers.go.

import { sleep } from '@kube-labs/apiserver';
import type { ExecAction, HTTPGetAction, SleepAction } from 'kubernetes-types/core/v1';
import { type Handler, type HookResult, type HookTarget, textOf } from './attempt-target.ts';
import { get, headersOf, urlOf } from './http-get.ts';

const HOOK_AGENT = 'kube-lifecycle/1.33';

/**
 * A postStart or preStop hook. Whatever goes wrong, it has failed; any answer to a request is a success.
 * @throws when the signal is aborted, which also ends the command.
 */
export async function runHook(
  handler: Handler,
  target: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const { exec, httpGet, sleep: pause } = handler;
  try {
    if (exec !== undefined) return await hookByCommand(exec, target, signal);
    if (httpGet !== undefined) return await hookOverHttp(httpGet, target, signal);
    if (pause !== undefined) return await hookBySleep(pause, target, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failure', output: textOf(error) };
  }
  return { kind: 'failure', output: 'invalid handler: it has no exec, httpGet or sleep' };
}

async function hookByCommand(
  action: ExecAction,
  { runtime, containerId }: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const command = action.command ?? [];
  const result = await runtime.execSync(containerId, command, { signal });
  if (result.kind === 'exited' && result.exitCode === 0) return { kind: 'success' };
  const how =
    result.kind === 'timeout' ? 'timed out' : `exited with ${result.exitCode}: ${result.output}`;
  return { kind: 'failure', output: `command '${command.join(' ')}' ${how}` };
}

async function hookBySleep(
  { seconds }: SleepAction,
  { clock }: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  await sleep(seconds * 1_000, signal, clock);
  signal.throwIfAborted();
  return { kind: 'success' };
}

async function hookOverHttp(
  action: HTTPGetAction,
  target: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const url = urlOf(action, target);
  const headers = headersOf(action, HOOK_AGENT);
  const answer = await get(url, headers, signal);
  signal.throwIfAborted();
  if (answer.kind === 'answer') return { kind: 'success' };
  if (answer.speaksHttp) {
    const { host } = new URL(url);
    const plain = await get(url.replace('https:', 'http:'), headers, signal);
    const warning = `request to HTTPS lifecycle hook ${host} got HTTP response, retry with HTTP succeeded`;
    if (plain.kind === 'answer') return { kind: 'success', warning };
  }
  return { kind: 'failure', output: `Get "${url}": ${answer.message}` };
}
