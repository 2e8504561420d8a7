// Status: how a call ended, as gRPC says it: one of seventeen codes and a text.
//
// etcd's clients know an error by its text (rpctypes.Error looks it up), so texts are etcd's to the letter, and
// the table below gives each its code. Whoever throws uses StoreError or GrpcError; statusOf() turns anything into a status.
// Upstream: etcd, etcdserver/api/v3rpc/rpctypes/error.go and util.go; google.golang.org/grpc/codes.
import { StoreError, type StoreErrorCode } from '../kv.ts';

export const GRPC_CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcCode = keyof typeof GRPC_CODES;

export interface GrpcStatus {
  readonly code: GrpcCode;
  readonly message: string;
}

export class GrpcError extends Error implements GrpcStatus {
  override readonly name = 'GrpcError';
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Texts whose code is not the one of their StoreErrorCode. */
const CODE_OF_TEXT: Readonly<Record<string, GrpcCode>> = {
  'etcdserver: lease already exists': 'FAILED_PRECONDITION',
  'etcdserver: too large lease TTL': 'OUT_OF_RANGE',
  'etcdserver: too many requests': 'RESOURCE_EXHAUSTED',
};

const CODE_OF_STORE_ERROR: Readonly<Record<StoreErrorCode, GrpcCode>> = {
  compacted: 'OUT_OF_RANGE',
  'future-revision': 'OUT_OF_RANGE',
  'lease-not-found': 'NOT_FOUND',
  'key-not-found': 'INVALID_ARGUMENT',
  'too-large': 'INVALID_ARGUMENT',
  invalid: 'INVALID_ARGUMENT',
  'no-space': 'RESOURCE_EXHAUSTED',
  unavailable: 'UNAVAILABLE',
  corrupt: 'DATA_LOSS',
  'slow-consumer': 'RESOURCE_EXHAUSTED',
};

/** What a caller hears of an error. Of one that nobody foresaw it is the message, never a stack. */
export function statusOf(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return error;
  if (StoreError.is(error)) {
    const code = CODE_OF_TEXT[error.message] ?? CODE_OF_STORE_ERROR[error.code];
    return { code, message: error.message };
  }
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) };
}

/** NOT_FOUND as Go has it, NotFound: so it stands in metrics and in texts that Go would print. */
export function goNameOf(code: GrpcCode): string {
  if (code === 'OK') return code;
  if (code === 'CANCELLED') return 'Canceled';
  const words = code.toLowerCase().split('_');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** The two fields that end every call. */
export function trailersOf({ code, message }: GrpcStatus): {
  'grpc-status': string;
  'grpc-message': string;
} {
  return { 'grpc-status': String(GRPC_CODES[code]), 'grpc-message': percentEncode(message) };
}

/** A text as a header field: UTF-8, and every byte that is not printable ASCII, or a percent sign, as %XX. */
export function percentEncode(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
