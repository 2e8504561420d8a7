// HttpAttempt: a probe that asks for a page.
//
// Same idea upstream: kubernetes, pkg/probe/http.

import type { HTTPGetAction } from 'kubernetes-types/core/v1';
import type { AttemptResult, AttemptTarget } from './attempt-target.ts';
import { get, headersOf, urlOf } from './http-get.ts';

const REDIRECTS_MAX = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const PROBE_AGENT = 'kube-probe/1.33';

/** Within the time of the signal, for all requests together. Any status from 200 to 399 will do. Redirects are followed as long as they stay on the host. */
export async function probeOverHttp(
  action: HTTPGetAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const first = urlOf(action, target);
  let url = first;
  for (let count = 1; ; count++) {
    const answer = await get(url, headersOf(action, PROBE_AGENT), signal);
    if (answer.kind === 'no answer') {
      return { kind: 'failure', output: `Get "${url}": ${answer.message}` };
    }
    const { status, location, body } = answer;
    const next =
      REDIRECTS.includes(status) && location !== undefined ? new URL(location, url) : undefined;
    if (next === undefined || next.hostname !== new URL(first).hostname) {
      if (status < 200 || status >= 400) {
        return { kind: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
      }
      if (status < 300) return { kind: 'success' };
      return { kind: 'success', warning: `Probe terminated redirects, Response body: ${body}` };
    }
    if (count === REDIRECTS_MAX) {
      return { kind: 'failure', output: `Get "${next}": stopped after ${count} redirects` };
    }
    url = next.href;
  }
}
