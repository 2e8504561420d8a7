// Stores: what stands between the parts under test and the store: it takes its time, refuses, or counts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KeyValueStore, TxnRequest, TxnResponse } from '@kube-labs/store';

type Txn = (request: TxnRequest) => Promise<TxnResponse>;

/** The store with another way to do transactions, which may still use its own. */
export function withTxn(store: KeyValueStore, txnOf: (own: Txn) => Txn): KeyValueStore {
  const txn = txnOf(store.txn.bind(store));
  return new Proxy(store, {
    get(target, name) {
      if (name === 'txn') return txn;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Every transaction waits a while before it is done, one more than another. */
export function slowly(store: KeyValueStore, random: (below: number) => number): KeyValueStore {
  return withTxn(store, (own) => async (request) => {
    for (let turns = random(4); turns > 0; turns--) await nextTurn();
    return own(request);
  });
}
