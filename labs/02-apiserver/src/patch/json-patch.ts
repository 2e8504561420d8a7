// json-patch: JSON patch, RFC 6902, with upstream's answers to one that fails.
//
// A patch that is no patch is the client's mistake in the request (400); one that does not fit the object is a conflict with
// what is there (422), the failing `test` above all.
//
// Same answers upstream: apiserver, pkg/endpoints/handlers/patch.go (jsonPatcher).

import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { ApiError, badRequest } from '../api-error.ts';
import { isMap } from './merge-patch.ts';

const OPERATIONS_MAX = 10_000;
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
  let document: unknown = structuredClone(current);
  for (const operation of operations) document = applyOne(document, operation);
  return document;
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
