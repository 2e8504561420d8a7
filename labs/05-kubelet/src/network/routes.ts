// Routes: the way to the pods of the other nodes, straight through those nodes' own addresses.
//
// Level-based: the wanted routes come from the Node objects, the real ones from the kernel, and the
// difference is applied. Ours carry a protocol number of their own, so no route of anybody else is touched.
//
// Same idea upstream: the route controller of cloud providers, kubernetes,
// staging/src/k8s.io/cloud-provider/controllers/route; flannel's host-gw backend.
// Left out here: nodes that are not on the same link (they would need an overlay).

import type { Node } from 'kubernetes-types/core/v1';
import type { HostCommand } from '../host-command.ts';

/** Marks our routes in the kernel; values under 16 are taken, see /etc/iproute2/rt_protos. */
const ROUTE_PROTOCOL = '105';

export interface Route {
  readonly cidr: string;
  readonly via: string;
}

export function wantedRoutes(nodes: readonly Node[], ownName: string): readonly Route[] {
  return nodes.flatMap((node) => {
    const cidr = node.spec?.podCIDR;
    const via = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    if (node.metadata?.name === ownName || !cidr || !via) return [];
    return [{ cidr, via }];
  });
}

/** Lines for `ip -batch`. */
export function routeChanges(wanted: readonly Route[], real: readonly Route[]): readonly string[] {
  const has = (routes: readonly Route[], route: Route) =>
    routes.some(({ cidr, via }) => cidr === route.cidr && via === route.via);
  const wantedCidrs = new Set(wanted.map(({ cidr }) => cidr));
  return [
    ...real
      .filter(({ cidr }) => !wantedCidrs.has(cidr))
      .map(({ cidr }) => `route del ${cidr} proto ${ROUTE_PROTOCOL}`),
    ...wanted
      .filter((route) => !has(real, route))
      .map(({ cidr, via }) => `route replace ${cidr} via ${via} proto ${ROUTE_PROTOCOL}`),
  ];
}

export async function syncRoutes(wanted: readonly Route[], run: HostCommand): Promise<void> {
  const listed = await run('ip', ['-j', '-4', 'route', 'show', 'proto', ROUTE_PROTOCOL]);
  const real = (JSON.parse(listed || '[]') as { dst?: string; gateway?: string }[]).map(
    ({ dst, gateway }) => ({ cidr: dst ?? '', via: gateway ?? '' }),
  );
  const changes = routeChanges(wanted, real);
  // One unreachable node must not keep the routes to the others away, hence -force.
  if (changes.length > 0) await run('ip', ['-force', '-batch', '-'], { input: changes.join('\n') });
}
