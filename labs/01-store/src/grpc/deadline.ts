// Deadline: how long the client of a call waits, from its field grpc-timeout.
//
// Upstream: gRPC over HTTP2, "Timeout"; google.golang.org/grpc, internal/transport/http_util.go (decodeTimeout).
import { GrpcError } from './status.ts';

/** Node's timers hold 31 bits; who waits longer than these 24 days waits without a deadline. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const MS_OF_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Calls back when the time is over. Throws when the field is not a time. */
export function startTimeout(field: string, onOver: () => void): NodeJS.Timeout | undefined {
  const ms = timeoutMsOf(field);
  return ms > TIMER_MS_MAX ? undefined : setTimeout(onOver, ms);
}

/** Milliseconds in a grpc-timeout: at most eight digits and a unit. */
export function timeoutMsOf(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const msOfUnit = MS_OF_UNIT[unit];
  if (digits === undefined || msOfUnit === undefined) {
    throw new GrpcError('INTERNAL', `malformed grpc-timeout: ${JSON.stringify(text)}`);
  }
  return Math.ceil(Number(digits) * msOfUnit);
}
