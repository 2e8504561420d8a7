// The flow controller: requests wait in fair queues when more come than are served at once.
//
// A server of one thread serves best when little is under way: what is admitted beyond that only waits inside instead of outside, and
// nobody can be put before it any more. So our limits are far below upstream's 400 and 200.
// Upstream: apiserver, pkg/util/flowcontrol (apf_controller.go, apf_filter.go).
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../api-error.ts';
import type { Attributes } from '../authz/authorizer.ts';
import { type Clock, realClock } from '../client/clock.ts';
import { FairQueue, TooManyRequests } from './fair-queue.ts';
import type { FlowController } from './flow-controller.ts';
import { classify, type FlowAttributes, widthOf } from './levels.ts';

export interface FlowControllerOptions {
  /** Seats for all that only reads, and for all that writes. */
  readonly maxRequestsInFlight?: number;
  readonly maxMutatingRequestsInFlight?: number;
  /** Requests of one flow that may wait. */
  readonly waitingMax?: number;
  readonly clock?: Clock;
}

export const DEFAULT_REQUESTS_IN_FLIGHT = 64;
export const DEFAULT_MUTATING_REQUESTS_IN_FLIGHT = 64;
const WAITING_MAX = 512;
/** A quarter of the time that a request has, as upstream. */
const WAIT_MS_MAX = 15_000;
const RETRY_AFTER_SECONDS = 1;
/** Who took no place gives none back. */
const EXEMPT = (): void => undefined;

export function buildFlowController(options: FlowControllerOptions = {}): FlowController {
  const {
    maxRequestsInFlight = DEFAULT_REQUESTS_IN_FLIGHT,
    maxMutatingRequestsInFlight = DEFAULT_MUTATING_REQUESTS_IN_FLIGHT,
    waitingMax = WAITING_MAX,
    clock = realClock,
  } = options;
  const queue = new FairQueue({
    seats: maxRequestsInFlight + maxMutatingRequestsInFlight,
    flowLengthMax: waitingMax,
    waitMsMax: WAIT_MS_MAX,
    clock,
  });
  return {
    admit({ attributes, request, objectsToRead = 0 }, signal) {
      const asked = flowAttributes(attributes, request);
      const classified = classify(asked);
      if (classified === undefined) return EXEMPT;
      const { level, flow } = classified;
      const wanted = { level, flow, width: widthOf(asked, objectsToRead) };
      return queue.take(wanted) ?? queue.acquire(wanted, signal()).catch(refuse);
    },
  };
}

function refuse(error: unknown): never {
  if (!(error instanceof TooManyRequests)) throw error;
  const details = { retryAfterSeconds: RETRY_AFTER_SECONDS };
  throw new ApiError('TooManyRequests', error.message, { details });
}

function flowAttributes(attributes: Attributes, { headers }: IncomingMessage): FlowAttributes {
  const { user, verb } = attributes;
  const userAgent = headers['user-agent'] ?? '';
  if (attributes.kind === 'path') {
    const nothing = { namespace: '', apiGroup: '', resource: '', subresource: '' };
    return { ...nothing, user, verb, path: attributes.path, isResourceRequest: false, userAgent };
  }
  const { namespace, group, resource, subresource } = attributes;
  const isResourceRequest = true;
  return {
    user,
    verb,
    namespace,
    apiGroup: group,
    resource,
    subresource,
    isResourceRequest,
    path: '',
    userAgent,
  };
}
