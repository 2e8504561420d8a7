// table-settings: how a request wants the rows of its Table: with which object, in which version.
//
// Same purpose upstream: meta/v1 TableOptions.

import { badRequest } from '../api-error.ts';
import type { IncludeObject, TableOptions } from '../printers/table.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { Negotiated } from './negotiation.ts';
import type { RequestContext } from './request-context.ts';

/** All but what belongs to one table. */
export type TableSettings = Omit<TableOptions, 'metadata' | 'withoutColumns'>;

/** What of a request says how its tables look. */
export type TableRequest = Pick<RequestContext, 'query' | 'served' | 'now'>;

export function tableSettings(
  { query, served, now }: TableRequest,
  shape: Negotiated,
): TableSettings {
  return {
    printer: served.printer,
    shown: (object: ReadonlyApiObject) => served.shown(object),
    metaVersion: shape.metaVersion,
    includeObject: includeObjectOf(query),
    /** Ages are those of the moment at which the row is made. */
    get nowMs() {
      return now();
    },
  };
}

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'Object' || value === 'None') return value;
  throw badRequest(`unrecognized includeObject value: "${value}"`);
}
