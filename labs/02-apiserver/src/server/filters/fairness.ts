// fairness: the filter that lets only so many requests be under way at once.
//
// What lasts takes no place: exec, logs and proxies at all, a watch from the moment its answer begins.
//
// Same rule upstream: apiserver, server/filters/priority-and-fairness.go.

import type { FlowController } from '../../fairness/flow-controller.ts';
import type { Exchange } from '../exchange.ts';
import type { Filter } from '../pipeline.ts';
import { isLongRunning } from '../request-info.ts';

/** How many objects a list has to go through, as far as one can tell before it. */
export type ObjectsToRead = (exchange: Exchange) => number;

export function fairness(controller: FlowController, objectsToRead: ObjectsToRead): Filter {
  return {
    name: 'fairness',
    async handle(exchange, next) {
      const { info, request, attributes } = exchange;
      const isWatch = info.verb === 'watch';
      if (exchange.upgrade !== undefined || (isLongRunning(info) && !isWatch)) return next();
      const release = await controller.admit(
        { attributes, request, objectsToRead: objectsToRead(exchange) },
        leaving(exchange),
      );
      if (isWatch) exchange.onStarted(release);
      try {
        await next();
      } finally {
        release();
      }
    },
  };
}

/** Aborts when the client goes away: nobody waits for a place on behalf of somebody who left. */
function leaving({ response }: Exchange): AbortSignal {
  const controller = new AbortController();
  response?.once('close', () => controller.abort());
  return controller.signal;
}
