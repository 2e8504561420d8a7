// What of a node's status is news to the API server.

import type { NodeStatus } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { isSameStatus } from '#src/node/node-agent.ts';

test('another image is news, also when there are as many as before; a heartbeat is none', () => {
  const status = (name: string, lastHeartbeatTime = 'then'): NodeStatus => ({
    images: [{ names: [name], sizeBytes: 1 }],
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }],
  });
  expect(isSameStatus(status('a'), status('a', 'now'))).toBe(true);
  expect(isSameStatus(status('a'), status('b'))).toBe(false);
});
