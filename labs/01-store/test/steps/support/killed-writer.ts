// A process that writes with the learner's store as fast as it can, says what was acknowledged, and waits to be killed.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sayNow } from '../../support/say-now.ts';

const src = process.env.KUBE_LABS_SRC ?? join(import.meta.dirname, '../../../src');
const { openStore } = await import(pathToFileURL(join(src, 'open-store.ts')).href);
const [dataDir = '', from = '1'] = process.argv.slice(2);
const store = await openStore({ dataDir });
for (let n = Number(from); ; n++) {
  // Both keys or none: that is one transaction, and therefore one revision.
  const success = ['left', 'right'].map((key) => ({
    kind: 'put',
    key,
    value: Buffer.from(`${n}`),
  }));
  await store.txn({ compare: [], success, failure: [] });
  sayNow(`${n}`);
}
