// json-patch: JSON patch, RFC 6902, with the errors that upstream's library has.
//
// A patch that is no patch is the client's mistake in the request (400); one that does not fit the object is a conflict with
// what is there (422), the failing `test` above all.
//
// Same errors upstream: evanphx/json-patch. Left out: its tolerance for removing what is not there.

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
  if (!isMap(operation) || !KINDS.includes(String(operation.op))) {
    const kind = isMap(operation) && operation.op !== undefined ? String(operation.op) : 'unknown';
    throw unprocessable(`Unexpected kind: ${kind}`);
  }
  const { op, path } = operation as { readonly op: string; readonly path?: unknown };
  if (typeof path !== 'string') {
    throw unprocessable(`${op} operation: unable to decode path: missing value`);
  }
  try {
    return fastJsonPatch.applyOperation(document, operation as unknown as Operation, true)
      .newDocument;
  } catch (error) {
    throw unprocessable(describe(error, op, path));
  }
}

function describe(error: unknown, op: string, path: string): string {
  const name = isMap(error) ? error.name : undefined;
  if (name === 'TEST_OPERATION_FAILED') return `testing value ${path} failed: test failed`;
  if (name === 'OPERATION_VALUE_OUT_OF_BOUNDS') {
    return `${op} operation does not apply: doc is missing path: ${path}: Unable to access invalid index`;
  }
  const key = path.slice(path.lastIndexOf('/') + 1);
  if (op === 'remove') return `Unable to remove nonexistent key: ${key}: missing value`;
  return `${op} operation does not apply: doc is missing ${op === 'replace' ? 'key' : 'path'}: ${path}: missing value`;
}

function unprocessable(message: string): ApiError {
  return new ApiError('Invalid', message);
}
