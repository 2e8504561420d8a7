// Admission: may this node run the pod at all? Asked once, before anything of it is started.
//
// The scheduler has looked before, but at what the API knew then; and not every pod comes by it. The first handler that
// says no decides: the pod has failed, with that handler's reason.
//
// Same idea upstream: canAdmitPod in kubernetes, pkg/kubelet/kubelet.go, and pkg/kubelet/lifecycle (PodAdmitHandler).

import type { Pod } from 'kubernetes-types/core/v1';

export type AdmitResult =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly reason: string; readonly message: string };

export interface AdmitHandler {
  /** @param others all that this node runs already, and has not ended. */
  admit(pod: Pod, others: readonly Pod[]): AdmitResult;
}

export function admitPod(
  handlers: readonly AdmitHandler[],
  pod: Pod,
  others: readonly Pod[],
): AdmitResult {
  for (const handler of handlers) {
    const result = handler.admit(pod, others);
    if (!result.admitted) return result;
  }
  return { admitted: true };
}
