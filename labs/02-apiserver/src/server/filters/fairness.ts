// fairness: the filter that lets only so many requests be under way at once.
//
// What lasts takes no place: exec, logs and proxies at all, a watch from the moment its answer begins.
//
// Same rule upstream: apiserver, server/filters/priority-and-fairness.go.

import type { FlowController } from '../../fairness/flow-controller.ts';
import type { Exchange } from '../exchange.ts';
import { isLongRunning } from '../long-running.ts';
import type { Filter } from '../pipeline.ts';

/** How many objects a list has to go through, as far as one can tell before it. */
export type ObjectsToRead = (exchange: Exchange) => number;

export function fairness(controller: FlowController, objectsToRead: ObjectsToRead): Filter {
  return {
    name: 'fairness',
    async handle(exchange, next) {
      const { info, request, attributes } = exchange;
      const isWatch = info.verb === 'watch';
      if (exchange.upgrade !== undefined || (isLongRunning(info) && !isWatch)) return next();
      const asked = { attributes, request, objectsToRead: objectsToRead(exchange) };
      let waiting: Waiting | undefined;
      const place = controller.admit(asked, () => {
        waiting = new Waiting(exchange);
        return waiting.signal;
      });
      const release = place instanceof Promise ? await place.finally(() => waiting?.end()) : place;
      if (isWatch) exchange.onStarted(release);
      try {
        await next();
      } finally {
        release();
      }
    },
  };
}

/** Its signal aborts when the client goes away: nobody waits for a place on behalf of somebody who left. */
class Waiting {
  readonly #controller = new AbortController();
  readonly #response: Exchange['response'];
  readonly #abort = () => this.#controller.abort();

  constructor({ response }: Exchange) {
    this.#response = response;
    response?.once('close', this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Every response closes in the end, and an abort that nobody hears is not cheap. */
  end(): void {
    this.#response?.off('close', this.#abort);
  }
}
