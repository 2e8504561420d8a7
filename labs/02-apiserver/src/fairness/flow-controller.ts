// FlowController: how many requests may be under way, and who waits when there are more.
//
// admit() gives a place at once where one is free, and a promise where the request has to wait; that rejects with TooManyRequests when
// it may not wait any longer. Who is admitted holds a place until the returned function is called. Requests that last (exec, logs, proxies) hold no place; a watch holds one until
// its answer begins.
//
// Same idea upstream: apiserver, server/filters (maxinflight.go, priority-and-fairness.go).

import type { IncomingMessage } from 'node:http';
import type { Attributes } from '../authz/authorizer.ts';

/** Gives the place back; calling it again does nothing. */
export type Release = () => void;

export interface FlowRequest {
  readonly attributes: Attributes;
  /** For what tells flows apart besides the attributes: the user agent, the query. */
  readonly request: IncomingMessage;
  /** That a list has to go through; it takes as many places as that is work. */
  readonly objectsToRead?: number;
}

export interface FlowController {
  /** `signal` makes one that aborts when the client left; it is only asked for when the request has to wait. */
  admit(request: FlowRequest, signal: () => AbortSignal): Release | Promise<Release>;
}
