// ManifestFile: one file with one static pod, read only when it is whole.
//
// Who writes a file in place is seen halfway: a file counts when it has been the same for a moment, and was the same before
// and after it was read. Writing beside and renaming is safer still.
//
// Same idea upstream: extractFromFile in kubernetes, pkg/kubelet/config/file.go. Left out there: the moment.

import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { messageOf, preparePod } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { staticPodErrors, staticPodOf } from './static-pod.ts';

export type Manifest =
  | { readonly kind: 'pod'; readonly pod: Pod; readonly warnings: readonly string[] }
  | { readonly kind: 'bad'; readonly error: string }
  /** It is being written. */
  | { readonly kind: 'unsettled' };

export interface ReadAt {
  readonly nodeName: string;
  readonly nowMs: number;
}

/** So long a file must not have changed. */
export const SETTLE_MS = 200;
const BYTES_MAX = 10 * 1024 * 1024;

/** What a file is known by: as long as this stays, so does its content. */
export async function signatureOf(path: string): Promise<string> {
  return textOf(await stat(path, { bigint: true }));
}

export async function readManifest(path: string, { nodeName, nowMs }: ReadAt): Promise<Manifest> {
  try {
    const before = await stat(path, { bigint: true });
    if (Math.abs(nowMs - Number(before.ctimeMs)) < SETTLE_MS) return { kind: 'unsettled' };
    if (!before.isFile()) return { kind: 'bad', error: 'not a regular file' };
    if (before.size > BYTES_MAX) return { kind: 'bad', error: 'the read limit is reached' };
    const bytes = await readFile(path);
    if ((await signatureOf(path)) !== textOf(before)) return { kind: 'unsettled' };
    return await manifestOf(bytes, { path, nodeName, seenAtMs: nowMs });
  } catch (error) {
    return { kind: 'bad', error: messageOf(error) };
  }
}

async function manifestOf(
  bytes: Uint8Array,
  origin: { readonly path: string; readonly nodeName: string; readonly seenAtMs: number },
): Promise<Manifest> {
  const prepared = await preparePod(utf8(bytes), (pod) => staticPodOf(pod, origin));
  const errors = 'errors' in prepared ? prepared.errors : staticPodErrors(prepared.pod);
  if ('errors' in prepared || errors.length > 0) return { kind: 'bad', error: errors.join(', ') };
  return { kind: 'pod', ...prepared };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('yaml: invalid UTF-8');
  }
}

function textOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
