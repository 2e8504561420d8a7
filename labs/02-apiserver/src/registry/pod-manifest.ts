// pod-manifest: a pod from a file, made ready and judged as the server would, without a server.
//
// A kubelet runs what lies in a folder of its node, whether there is an API server or not, and must not take what
// an API server would have refused. Whoever reads the file may complete the pod between defaults and validation: its name, its
// node. What is wrong comes back as sentences in upstream's words; a field that does not exist is only warned of, as there.
//
// Same steps upstream: tryDecodeSinglePod in kubernetes, pkg/kubelet/config/common.go.

import type { Pod } from 'kubernetes-types/core/v1';
import { ApiError } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { openBody } from '../codec/body-envelope.ts';
import { type DecodedObject, decodeObject } from '../codec/decode.ts';
import { bodyOf } from '../strategy/field-error.ts';
import { podStrategy } from '../strategy/pod.ts';

export type PreparedPod =
  | { readonly pod: Pod; readonly warnings: readonly string[] }
  | { readonly errors: readonly string[] };

const POD = { group: '', version: 'v1', kind: 'Pod' };

/**
 * @param text YAML or JSON of one pod.
 * @param complete gets the pod with its defaults, its own to change, and gives what is to be judged.
 */
export function preparePod(text: string, complete = (pod: Pod): Pod => pod): PreparedPod {
  const body = Buffer.from(text);
  // JSON is YAML too.
  const mediaType = 'application/yaml';
  let decoded: DecodedObject;
  try {
    decoded = decodeObject(body, mediaType, POD, 'Warn');
    // A request's path says what is meant; a file must say it itself.
    const { apiVersion, kind } = openBody(body, mediaType);
    if (kind === '') return { errors: [`Object 'Kind' is missing in '${text.trim()}'`] };
    if (apiVersion === '')
      return { errors: [`Object 'apiVersion' is missing in '${text.trim()}'`] };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { errors: [error.cause instanceof Error ? error.cause.message : error.message] };
  }
  const { object, warnings } = decoded;
  if ((object.metadata?.name ?? '') === '') {
    return { errors: ['invalid pod: name is needed for the pod'] };
  }
  podStrategy.setDefaults(object);
  const pod = complete(object as Pod);
  const errors = podStrategy.validate(pod as KubernetesObject);
  if (errors.length === 0) return { pod, warnings };
  return { errors: errors.map((error) => `invalid pod: ${error.field}: ${bodyOf(error)}`) };
}
