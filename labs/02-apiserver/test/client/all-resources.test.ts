// The clients' names of resources are those that the server serves.

import { expect, test } from 'vitest';
import { allResources } from '#src/client/all-resources.ts';
import { RESOURCES } from '#src/registry/resources.ts';

test.each(Object.entries(allResources))('%s', (_name, type) => {
  const found = RESOURCES.find(
    ({ group, version, resource }) =>
      group === type.group && version === type.version && resource === type.resource,
  );
  expect(found).toMatchObject({ kind: type.kind, namespaced: type.namespaced });
});
