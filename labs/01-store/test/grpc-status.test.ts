import { describe, expect, test } from 'vitest';
import { GrpcError, percentEncode, statusOf, trailersOf } from '../src/grpc/status.ts';
import { StoreError } from '../src/kv.ts';

describe('statusOf()', () => {
  test.each([
    ['compacted', 'etcdserver: mvcc: required revision has been compacted', 'OUT_OF_RANGE'],
    ['future-revision', 'etcdserver: mvcc: required revision is a future revision', 'OUT_OF_RANGE'],
    ['lease-not-found', 'etcdserver: requested lease not found', 'NOT_FOUND'],
    ['key-not-found', 'etcdserver: key not found', 'INVALID_ARGUMENT'],
    ['too-large', 'etcdserver: request is too large', 'INVALID_ARGUMENT'],
    ['invalid', 'etcdserver: key is not provided', 'INVALID_ARGUMENT'],
    ['invalid', 'etcdserver: lease already exists', 'FAILED_PRECONDITION'],
    ['invalid', 'etcdserver: too large lease TTL', 'OUT_OF_RANGE'],
    ['no-space', 'etcdserver: mvcc: database space exceeded', 'RESOURCE_EXHAUSTED'],
    ['unavailable', 'etcdserver: server stopped', 'UNAVAILABLE'],
    ['corrupt', 'etcdserver: corrupt cluster', 'DATA_LOSS'],
  ] as const)('of StoreError %s, %s', (storeCode, message, code) => {
    const status = statusOf(new StoreError(storeCode, message));
    expect([status.code, status.message]).toEqual([code, message]);
  });

  test('of a GrpcError is itself, of anything else its message alone', () => {
    expect(statusOf(new GrpcError('ABORTED', 'no'))).toMatchObject({ code: 'ABORTED' });
    expect(statusOf(new TypeError('odd'))).toEqual({ code: 'UNKNOWN', message: 'odd' });
    expect(statusOf('text')).toEqual({ code: 'UNKNOWN', message: 'text' });
  });
});

test('trailersOf() is a number and an encoded text', () => {
  expect(trailersOf({ code: 'NOT_FOUND', message: 'no lease' })).toEqual({
    'grpc-status': '5',
    'grpc-message': 'no lease',
  });
});

describe('percentEncode()', () => {
  test.each([
    ['plain text, as it is', 'plain text, as it is'],
    ['100%', '100%25'],
    ['two\nlines', 'two%0Alines'],
    ['größer', 'gr%C3%B6%C3%9Fer'],
    ['存', '%E5%AD%98'],
    ['', ''],
  ])('%j', (text, encoded) => {
    expect(percentEncode(text)).toBe(encoded);
    expect(decodeURIComponent(percentEncode(text))).toBe(text);
  });
});
