// Checks: what can be wrong with a request whatever the store holds. Nothing is changed before they all passed.
//
// etcd's clients are compiled against its messages; ours may be JavaScript, so the types of what arrives are looked at
// too: a key that is no byte string would be stored as something else. Texts that etcd has are etcd's.
// Negative limits are no errors there, so neither are they here: they mean "none". A negative revision means "now" in a
// range that stands alone; in a transaction, and as the start of a watch, it is older than all history: compacted.
// Upstream: etcd, server/etcdserver/api/v3rpc/key.go.
import {
  type Compare,
  type DeleteRangeRequest,
  type Key,
  type Op,
  type PutRequest,
  type RangeRequest,
  StoreError,
  type TxnRequest,
  type WatchRequest,
} from './kv.ts';

const RESULTS = ['=', '!=', '<', '>'];
const SORT_TARGETS = ['key', 'version', 'create', 'mod', 'value'];
const REVISIONS = ['mod', 'create', 'version'];
const NUMBERS = [
  'startRevision',
  'limit',
  'revision',
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const;
const TTL_SECONDS_MIN = 1;
const TTL_SECONDS_MAX = 9_000_000_000;

/** All parts of a transaction, each by itself. Inner transactions share what is left of the operations. */
export function checkParts({ compare, success, failure }: TxnRequest, opsMax: number): number {
  checkLists(compare, success, failure);
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > opsMax) {
    throw new StoreError('invalid', 'etcdserver: too many operations in txn request');
  }
  let bytes = 0;
  for (const part of compare) bytes += checkCompare(part);
  for (const op of success) bytes += checkOp(op, opsMax - ops);
  for (const op of failure) bytes += checkOp(op, opsMax - ops);
  return bytes;
}

function checkOp(op: Op, opsMax: number): number {
  switch (op.kind) {
    case 'range':
    case 'delete':
      return checkRange(op);
    case 'put':
      return checkPut(op);
    case 'txn':
      return checkParts(op, opsMax);
    default:
      op satisfies never;
      // The answer of etcd to an operation without content.
      throw new StoreError('key-not-found', 'etcdserver: key not found');
  }
}

/** Throws unless the keys are byte strings, and there is one. Returns their bytes, as do the others. */
export function checkKeys(request: { key: Key; rangeEnd?: Key }): number {
  if (typeof request !== 'object' || request === null) {
    throw new StoreError('invalid', `a request is an object, not ${describe(request)}`);
  }
  const { key, rangeEnd = '' } = request;
  if (key === '') throw new StoreError('invalid', 'etcdserver: key is not provided');
  if (!isByteString(key) || !isByteString(rangeEnd)) {
    throw new StoreError('invalid', 'a key has one char per byte: encode it, do not pass text');
  }
  return key.length + rangeEnd.length;
}

export function checkRange(request: RangeRequest | DeleteRangeRequest | WatchRequest): number {
  const bytes = checkKeys(request);
  for (const name of NUMBERS) {
    const value = (request as RangeRequest & WatchRequest)[name];
    if (value !== undefined) checkInteger(name, value);
  }
  const { sort } = request as RangeRequest;
  if (sort !== undefined && !isSort(sort)) {
    const text = `cannot sort by ${JSON.stringify(sort)}: name a target and an order of etcd's`;
    throw new StoreError('invalid', text);
  }
  return bytes;
}

export function checkPut(request: PutRequest): number {
  const { value, lease = '0', ignoreValue = false, ignoreLease = false } = request;
  const bytes = checkKeys(request) + checkBytes(value);
  if (typeof lease !== 'string') throw notALease(lease);
  if (ignoreValue && value.length > 0) {
    throw new StoreError('invalid', 'etcdserver: value is provided');
  }
  if (ignoreLease && lease !== '' && lease !== '0') {
    throw new StoreError('invalid', 'etcdserver: lease is provided');
  }
  return bytes;
}

export function checkCompare(compare: Compare): number {
  const bytes = checkKeys(compare);
  const { target, result, value } = compare;
  if (!RESULTS.includes(result)) {
    throw new StoreError('invalid', `a comparison is one of ${RESULTS.join(' ')}, not ${result}`);
  }
  if (target === 'value') return bytes + checkBytes(value);
  if (target === 'lease') checkLeaseId(value);
  else if (REVISIONS.includes(target)) checkInteger(target, value);
  else throw new StoreError('invalid', `there is nothing to compare that is called ${target}`);
  return bytes;
}

export function checkLists(...lists: unknown[]): void {
  if (lists.every(Array.isArray)) return;
  throw new StoreError('invalid', 'a transaction has three lists: compare, success, failure');
}

/** Throws unless it is a whole number that JavaScript can count to. */
export function checkInteger(name: string, value: unknown): void {
  if (Number.isSafeInteger(value)) return;
  throw new StoreError('invalid', `${name} is a whole number, not ${describe(value)}`);
}

/** Throws unless it is a decimal int64; returns it as etcd writes it. */
export function checkLeaseId(id: unknown): string {
  if (typeof id === 'string' && /^-?\d{1,19}$/.test(id)) {
    const number = BigInt(id);
    if (BigInt.asIntN(64, number) === number) return number.toString();
  }
  throw notALease(id);
}

/** Throws for a time that nobody can mean; returns the time that is granted. */
export function checkTtl(ttlSeconds: number): number {
  checkInteger('the time of a lease', ttlSeconds);
  if (ttlSeconds > TTL_SECONDS_MAX) {
    throw new StoreError('invalid', 'etcdserver: too large lease TTL');
  }
  return Math.max(TTL_SECONDS_MIN, ttlSeconds);
}

function checkBytes(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  throw new StoreError('invalid', `a value is a Uint8Array, not ${describe(value)}`);
}

function isByteString(text: unknown): boolean {
  return typeof text === 'string' && /^[\0-\xff]*$/.test(text);
}

function isSort(sort: RangeRequest['sort'] | null): boolean {
  const { target = '', order = '' } = sort ?? {};
  return SORT_TARGETS.includes(target) && (order === 'ascend' || order === 'descend');
}

function notALease(id: unknown): StoreError {
  return new StoreError('invalid', `a lease id is a decimal int64, not ${describe(id)}`);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
