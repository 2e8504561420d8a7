// json-patch: JSON patch, RFC 6902, with upstream's answers to one that fails.
//
// A patch that is no patch is the client's mistake in the request (400); one that does not fit the object is a conflict with
// what is there (422), the failing `test` above all. Copies may not add up to more than a body could hold, nor additions to a
// depth that no body could have: a few bytes of patch would else make an object without end.
//
// Same answers upstream: apiserver, pkg/endpoints/handlers/patch.go (jsonPatcher).

import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { ApiError, badRequest } from '../api-error.ts';
import { copyJson } from '../codec/copy-json.ts';
import { isMap } from './merge-patch.ts';

const OPERATIONS_MAX = 10_000;
/** What all copies together may add, in bytes of JSON. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024;
/** As deep as a body may be (codec/go-json.ts). */
const DEPTH_MAX = 1000;
const KINDS: readonly string[] = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

export function applyJsonPatch(current: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    const type = isMap(operations) ? 'object' : typeof operations;
    throw badRequest(`json: cannot unmarshal ${type} into Go value of type jsonpatch.Patch`);
  }
  if (operations.length > OPERATIONS_MAX) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${operations.length}`,
    );
  }
  let document: unknown = copyJson(current);
  let copied = 0;
  for (const operation of operations) {
    copied += copiedBytes(document, operation);
    if (copied > COPIED_BYTES_MAX) throw rejected(new Error(`copies exceed ${COPIED_BYTES_MAX}`));
    document = applyOne(document, operation);
  }
  if (isDeeper(document, DEPTH_MAX)) throw rejected(new Error(`deeper than ${DEPTH_MAX}`));
  return document;
}

function copiedBytes(document: unknown, operation: unknown): number {
  if (!isMap(operation) || operation.op !== 'copy' || typeof operation.from !== 'string') return 0;
  try {
    const value: unknown = fastJsonPatch.getValueByPointer(document, operation.from);
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return 0; // There is nothing to copy, as the operation will find out.
  }
}

function isDeeper(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, limit - 1));
}

function applyOne(document: unknown, operation: unknown): unknown {
  if (!isMap(operation) || !KINDS.includes(String(operation.op))) throw rejected(operation);
  if (typeof operation.path !== 'string') throw rejected(operation);
  try {
    const known = operation as unknown as Operation;
    return fastJsonPatch.applyOperation(document, known, true).newDocument;
  } catch (error) {
    throw rejected(error);
  }
}

/** Upstream says no more than this, whatever went wrong; `why` is for whoever holds the error. */
function rejected(why: unknown): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiError('Invalid', message, { details: {}, cause: why });
}
