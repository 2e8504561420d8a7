// endpoints: the strategy of endpoints: the addresses behind a service, in one object.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go, ValidateEndpoints.

import { isIP } from 'node:net';
import type { EndpointAddress, EndpointSubset, Endpoints } from 'kubernetes-types/core/v1';
import { oneOf, PROTOCOLS } from './containers.ts';
import { type FieldError, invalidValue, invalidValues, required } from './field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumberMessages } from './name-rules.ts';
import { IP_MESSAGE } from './pod-spec.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const endpointsStrategy: Strategy = defineStrategy<Endpoints>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  setDefaults({ subsets = [] }) {
    for (const { ports = [] } of subsets) for (const port of ports) port.protocol ??= 'TCP';
  },
  validate: ({ subsets = [] }) =>
    subsets.flatMap((subset, index) => validateSubset(subset, `subsets[${index}]`)),
});

function validateSubset(subset: EndpointSubset, field: string): FieldError[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  const none = addresses.length === 0 && notReadyAddresses.length === 0;
  return [
    ...(none ? [required(field, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, index) =>
      validateAddress(address, `${field}.addresses[${index}]`),
    ),
    ...notReadyAddresses.flatMap((address, index) =>
      validateAddress(address, `${field}.notReadyAddresses[${index}]`),
    ),
    ...ports.flatMap(({ name = '', port, protocol }, index) => {
      const at = `${field}.ports[${index}]`;
      const nameErrors = name === '' ? [] : invalidValues(`${at}.name`, name, dns1123Label(name));
      return [
        ...(name === '' && ports.length > 1 ? [required(`${at}.name`)] : nameErrors),
        ...invalidValues(`${at}.port`, port, portNumberMessages(port)),
        ...oneOf(protocol, `${at}.protocol`, PROTOCOLS),
      ];
    }),
  ];
}

function validateAddress({ ip, hostname = '' }: EndpointAddress, field: string): FieldError[] {
  return [
    ...(hostname === ''
      ? []
      : invalidValues(`${field}.hostname`, hostname, dns1123Label(hostname))),
    ...validateEndpointIp(ip, `${field}.ip`),
  ];
}

/** No address of the node itself: that would be a way round its rules. */
export function validateEndpointIp(ip: string, field: string): FieldError[] {
  if (isIP(ip) === 0) return [invalidValue(field, ip, IP_MESSAGE)];
  const reserved: readonly (readonly [RegExp, string])[] = [
    [/^(?:0\.0\.0\.0|::)$/, `may not be unspecified (${ip})`],
    [/^(?:127\.|::1$)/, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    [
      /^(?:169\.254\.|fe[89ab]\w:)/i,
      'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      /^(?:224\.0\.0\.|ff02:)/i,
      'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ],
  ];
  return reserved
    .filter(([pattern]) => pattern.test(ip))
    .map(([, detail]) => invalidValue(field, ip, detail));
}
