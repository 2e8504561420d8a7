// endpoint-slice: the strategy of endpoint slices: a bounded piece of the addresses behind a service.
//
// Same rules upstream: pkg/apis/discovery/v1/defaults.go, pkg/apis/discovery/validation.

import { isIPv4, isIPv6 } from 'node:net';
import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { oneOf, PROTOCOLS } from './containers.ts';
import { validateEndpointIp } from './endpoints.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  invalidValues,
  required,
  tooMany,
} from './field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumberMessages } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const ENDPOINTS_MAX = 1000;
const ADDRESSES_MAX = 100;
const PORTS_MAX = 20_000;
const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'] as const;

export const endpointSliceStrategy: Strategy = defineStrategy<EndpointSlice>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  hasGeneration: true,
  setDefaults({ ports = [] }) {
    for (const port of ports) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForUpdate(slice, old) {
    const { generation = 1 } = old.metadata ?? {};
    const contents = ({ endpoints, ports, addressType }: EndpointSlice): string =>
      JSON.stringify([endpoints, ports, addressType]);
    const changed = contents(slice) !== contents(old);
    slice.metadata = { ...slice.metadata, generation: changed ? generation + 1 : generation };
  },
  validate({ addressType, endpoints = [], ports = [] }) {
    return [
      ...oneOf(addressType, 'addressType', ADDRESS_TYPES),
      ...validateEndpoints(endpoints ?? [], addressType),
      ...validatePorts(ports ?? []),
    ];
  },
  validateUpdate: (slice, old) =>
    validateImmutable(slice.addressType, old.addressType, 'addressType'),
});

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string): FieldError[] {
  if (endpoints.length > ENDPOINTS_MAX)
    return [tooMany('endpoints', endpoints.length, ENDPOINTS_MAX)];
  return endpoints.flatMap(({ addresses = [], hostname }, index) => {
    const at = `endpoints[${index}]`;
    const errors: FieldError[] = [];
    if (addresses.length === 0) {
      errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
    } else if (addresses.length > ADDRESSES_MAX) {
      errors.push(tooMany(`${at}.addresses`, addresses.length, ADDRESSES_MAX));
    }
    addresses.forEach((address, position) => {
      errors.push(...addressErrors(address, addressType, `${at}.addresses[${position}]`));
    });
    if (hostname !== undefined) {
      errors.push(...invalidValues(`${at}.hostname`, hostname, dns1123Label(hostname)));
    }
    return errors;
  });
}

function addressErrors(address: string, addressType: string, field: string): FieldError[] {
  if (addressType === 'FQDN') return invalidValues(field, address, dns1123Subdomain(address));
  if (addressType === 'IPv4' && !isIPv4(address)) {
    return [invalidValue(field, address, 'must be an IPv4 address')];
  }
  if (addressType === 'IPv6' && !isIPv6(address)) {
    return [invalidValue(field, address, 'must be an IPv6 address')];
  }
  return validateEndpointIp(address, field);
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > PORTS_MAX) return [tooMany('ports', ports.length, PORTS_MAX)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', protocol, port }, index) => {
    const at = `ports[${index}]`;
    const errors = name === '' ? [] : invalidValues(`${at}.name`, name, dns1123Label(name));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return [
      ...errors,
      ...oneOf(protocol, `${at}.protocol`, PROTOCOLS),
      ...(port === undefined ? [] : invalidValues(`${at}.port`, port, portNumberMessages(port))),
    ];
  });
}
