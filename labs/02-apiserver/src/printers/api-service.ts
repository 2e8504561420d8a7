// api-service: the columns of APIServices.
//
// Same columns upstream: kube-aggregator, pkg/registry/apiservice/etcd/etcd.go (ConvertToTable).

import type { APIService } from '../strategy/api-service-types.ts';
import { AGE_COLUMN, ageOf, NAME_COLUMN, type Printer } from './table.ts';

export const apiServicePrinter: Printer<APIService> = {
  columns: [
    NAME_COLUMN,
    { name: 'Service', description: 'The reference to the service that hosts this API endpoint.' },
    { name: 'Available', description: 'Whether this service is available.' },
    AGE_COLUMN,
  ],
  row({ metadata, spec, status }, nowMs) {
    const { namespace = '', name = '' } = spec?.service ?? {};
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    const { status: answer = 'Unknown', reason = '' } = available ?? {};
    return [
      metadata?.name ?? '',
      spec?.service === undefined ? 'Local' : `${namespace}/${name}`,
      answer === 'True' || reason === '' ? answer : `${answer} (${reason})`,
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};
