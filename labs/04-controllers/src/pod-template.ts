// PodTemplate: a Pod made from its owner's template, and the hash that names a version of a template.
//
// The hash becomes part of names and labels, so it is written in upstream's alphabet: no vowels, no characters
// that look alike, so that no word can appear by accident. Equal templates hash equal in any process and at any
// time; that is all anybody may rely on.
//
// Upstream: kubernetes, pkg/controller/controller_utils.go (ComputeHash, GetPodFromTemplate); apimachinery, util/rand.

import type { KubernetesObject, ResourceType } from '@kube-labs/apiserver';
import type { Pod, PodTemplateSpec } from 'kubernetes-types/core/v1';
import { controllerRefTo } from './controller-ref.ts';
import { canonicalJson, meta } from './meta.ts';

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** `collisionCount` makes a different name when a hash turns out to be taken by another template. */
export function hashOfTemplate(template: PodTemplateSpec | undefined, collisionCount = 0): string {
  const text = canonicalJson(template ?? {}) + (collisionCount === 0 ? '' : String(collisionCount));
  return safeHash(text);
}

/** A short name for a text, the same at any time and in any process. */
export function safeHash(text: string): string {
  return safeEncode(String(fnv1a(text)));
}

/** The Pod to create for `owner`; the API server completes its name. */
export function podFromTemplate<T extends KubernetesObject>(
  owner: T,
  type: ResourceType<T>,
  template: PodTemplateSpec | undefined,
): Pod {
  const { name, namespace } = meta(owner);
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      ownerReferences: [controllerRefTo(owner, type)],
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
    },
    ...(template?.spec === undefined ? {} : { spec: structuredClone(template.spec) }),
  };
}

/** The 32-bit FNV-1a hash of the text's UTF-8 bytes. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

function safeEncode(text: string): string {
  return [...text].map((char) => ALPHABET[char.charCodeAt(0) % ALPHABET.length]).join('');
}
