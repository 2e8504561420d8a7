// config-map: the strategy of config maps.
//
// Same rules upstream: ValidateConfigMap, ValidateConfigMapUpdate.

import type { ConfigMap } from 'kubernetes-types/core/v1';
import { sameValue } from './equality.ts';
import { forbiddenField, invalidValue, tooLong } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { DATA_MAX_BYTES, decodedLength, keyErrors } from './secret.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const IMMUTABLE_SET = 'field is immutable when `immutable` is set';

export const configMapStrategy: Strategy = defineStrategy<ConfigMap>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate({ data = {}, binaryData = {} }) {
    const twice = Object.keys(data).filter((key) => key in binaryData);
    const bytes =
      Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0) +
      Object.values(binaryData).reduce((sum, text) => sum + decodedLength(text), 0);
    return [
      ...keyErrors(Object.keys(data), 'data'),
      ...twice.map((key) =>
        invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'),
      ),
      ...keyErrors(Object.keys(binaryData), 'binaryData'),
      ...(bytes > DATA_MAX_BYTES ? [tooLong('', DATA_MAX_BYTES)] : []),
    ];
  },
  validateUpdate(map, old) {
    if (old.immutable !== true) return [];
    return [
      ...(map.immutable === true ? [] : [forbiddenField('immutable', IMMUTABLE_SET)]),
      ...(sameValue(map.data, old.data) ? [] : [forbiddenField('data', IMMUTABLE_SET)]),
      ...(sameValue(map.binaryData, old.binaryData)
        ? []
        : [forbiddenField('binaryData', IMMUTABLE_SET)]),
    ];
  },
});
