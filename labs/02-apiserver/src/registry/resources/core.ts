// core: the resources of the core group, v1.
//
// Some keys are older than the names: nodes were minions once.
//
// Same facts upstream: registry/core/rest/storage_core.go and each resource's strategy.go.

import { podTemplatePrinter } from '../../printers/apps.ts';
import {
  configMapPrinter,
  eventPrinter,
  namespacePrinter,
  nodePrinter,
  secretPrinter,
  serviceAccountPrinter,
} from '../../printers/cluster.ts';
import { componentStatusPrinter } from '../../printers/configuration.ts';
import { endpointsPrinter, servicePrinter } from '../../printers/network.ts';
import { podPrinter } from '../../printers/pod.ts';
import { resourceQuotaPrinter } from '../../printers/policy.ts';
import { persistentVolumeClaimPrinter, persistentVolumePrinter } from '../../printers/storage.ts';
import { replicationControllerPrinter } from '../../printers/workloads.ts';
import { componentStatusesResource } from '../../server/component-statuses.ts';
import { evictionSubresource } from '../../server/eviction.ts';
import { nodeTarget } from '../../server/node-proxy.ts';
import { podTarget } from '../../server/pod-proxy.ts';
import { connectCommand, connectPortForward, upgradeRequired } from '../../server/pod-streams.ts';
import { proxySubresource } from '../../server/proxy-subresource.ts';
import { serviceTarget } from '../../server/service-proxy.ts';
import {
  bindingSubresource,
  bindingsResource,
  finalizeSubresource,
  objectSubresource,
} from '../../server/subresources.ts';
import { tokenSubresource } from '../../server/token-requests.ts';
import { configMapStrategy } from '../../strategy/config-map.ts';
import { endpointsStrategy } from '../../strategy/endpoints.ts';
import { ephemeralContainersStrategy } from '../../strategy/ephemeral-containers.ts';
import { eventStrategy } from '../../strategy/event.ts';
import { limitRangeStrategy } from '../../strategy/limit-range.ts';
import { namespaceStrategy } from '../../strategy/namespace.ts';
import { nodeStrategy } from '../../strategy/node.ts';
import { persistentVolumeStrategy } from '../../strategy/persistent-volume.ts';
import { persistentVolumeClaimStrategy } from '../../strategy/persistent-volume-claim.ts';
import { podStrategy } from '../../strategy/pod.ts';
import { podResizeStrategy } from '../../strategy/pod-resize.ts';
import { podTemplateStrategy } from '../../strategy/pod-template.ts';
import { replicationControllerStrategy } from '../../strategy/replication-controller.ts';
import { resourceQuotaStrategy } from '../../strategy/resource-quota.ts';
import { secretStrategy } from '../../strategy/secret.ts';
import { serviceStrategy } from '../../strategy/service.ts';
import { serviceAccountStrategy } from '../../strategy/service-account.ts';
import { ALL_VERBS, type ResourceDefinition } from '../resource-definition.ts';
import { define, field, fields, SCALE, status, zeroField } from './define.ts';

const pods = define('Pod', 'pods', {
  shortNames: ['po'],
  categories: ['all'],
  strategy: podStrategy,
  printer: podPrinter,
  subresources: [
    {
      name: 'attach',
      kind: 'PodAttachOptions',
      verbs: ['create', 'get'],
      handle: upgradeRequired,
      connect: connectCommand,
    },
    { name: 'binding', kind: 'Binding', verbs: ['create'], handle: bindingSubresource },
    {
      name: 'ephemeralcontainers',
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
      strategy: ephemeralContainersStrategy,
      handle: objectSubresource,
    },
    {
      name: 'eviction',
      kind: 'Eviction',
      group: 'policy',
      version: 'v1',
      verbs: ['create'],
      handle: evictionSubresource,
    },
    {
      name: 'exec',
      kind: 'PodExecOptions',
      verbs: ['create', 'get'],
      handle: upgradeRequired,
      connect: connectCommand,
    },
    {
      name: 'log',
      kind: 'Pod',
      verbs: ['get'],
      longRunning: true,
      handle: (context, { kubelets }) => kubelets.log(context),
    },
    {
      name: 'portforward',
      kind: 'PodPortForwardOptions',
      verbs: ['create', 'get'],
      handle: upgradeRequired,
      connect: connectPortForward,
    },
    proxySubresource('PodProxyOptions', podTarget),
    {
      name: 'resize',
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
      strategy: podResizeStrategy,
      handle: objectSubresource,
    },
    status('Pod'),
  ],
  selectableFields: {
    ...fields(
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ),
    ...zeroField('spec.hostNetwork', 'false'),
  },
});

const nodes = define('Node', 'nodes', {
  shortNames: ['no'],
  namespaced: false,
  storagePrefix: '/registry/minions/',
  strategy: nodeStrategy,
  printer: nodePrinter,
  subresources: [proxySubresource('NodeProxyOptions', nodeTarget), status('Node')],
  selectableFields: zeroField('spec.unschedulable', 'false'),
});

const namespaces = define('Namespace', 'namespaces', {
  shortNames: ['ns'],
  namespaced: false,
  verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
  strategy: namespaceStrategy,
  printer: namespacePrinter,
  subresources: [
    { name: 'finalize', kind: 'Namespace', verbs: ['update'], handle: finalizeSubresource },
    status('Namespace'),
  ],
  selectableFields: fields('status.phase'),
});

const services = define('Service', 'services', {
  shortNames: ['svc'],
  categories: ['all'],
  storagePrefix: '/registry/services/specs/',
  strategy: serviceStrategy,
  printer: servicePrinter,
  subresources: [proxySubresource('ServiceProxyOptions', serviceTarget), status('Service')],
  selectableFields: fields('spec.clusterIP', 'spec.type'),
  createOnUpdate: true,
});

export const EVENTS: ResourceDefinition = define('Event', 'events', {
  shortNames: ['ev'],
  strategy: eventStrategy,
  printer: eventPrinter,
  selectableFields: {
    ...fields(
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'type',
    ),
    source: (object) => field('source.component')(object) || field('reportingComponent')(object),
  },
  createOnUpdate: true,
  ttlSeconds: 3600,
});

const replicationControllers = define('ReplicationController', 'replicationcontrollers', {
  shortNames: ['rc'],
  categories: ['all'],
  storagePrefix: '/registry/controllers/',
  strategy: replicationControllerStrategy,
  printer: replicationControllerPrinter,
  subresources: [SCALE, status('ReplicationController')],
  selectableFields: zeroField('status.replicas', '0'),
});

export const CORE_RESOURCES: readonly ResourceDefinition[] = [
  define('Binding', 'bindings', { verbs: ['create'], handle: bindingsResource }),
  define('ComponentStatus', 'componentstatuses', {
    namespaced: false,
    shortNames: ['cs'],
    verbs: ['get', 'list'],
    printer: componentStatusPrinter,
    handle: componentStatusesResource,
  }),
  define('ConfigMap', 'configmaps', {
    shortNames: ['cm'],
    strategy: configMapStrategy,
    printer: configMapPrinter,
  }),
  define('Endpoints', 'endpoints', {
    shortNames: ['ep'],
    storagePrefix: '/registry/services/endpoints/',
    strategy: endpointsStrategy,
    printer: endpointsPrinter,
    createOnUpdate: true,
  }),
  EVENTS,
  define('LimitRange', 'limitranges', {
    shortNames: ['limits'],
    strategy: limitRangeStrategy,
    createOnUpdate: true,
  }),
  namespaces,
  nodes,
  define('PersistentVolumeClaim', 'persistentvolumeclaims', {
    shortNames: ['pvc'],
    strategy: persistentVolumeClaimStrategy,
    printer: persistentVolumeClaimPrinter,
    subresources: [status('PersistentVolumeClaim')],
  }),
  define('PersistentVolume', 'persistentvolumes', {
    namespaced: false,
    shortNames: ['pv'],
    strategy: persistentVolumeStrategy,
    printer: persistentVolumePrinter,
    subresources: [status('PersistentVolume')],
  }),
  pods,
  define('PodTemplate', 'podtemplates', {
    strategy: podTemplateStrategy,
    printer: podTemplatePrinter,
  }),
  replicationControllers,
  define('ResourceQuota', 'resourcequotas', {
    shortNames: ['quota'],
    strategy: resourceQuotaStrategy,
    printer: resourceQuotaPrinter,
    subresources: [status('ResourceQuota')],
  }),
  define('Secret', 'secrets', {
    strategy: secretStrategy,
    printer: secretPrinter,
    selectableFields: fields('type'),
  }),
  define('ServiceAccount', 'serviceaccounts', {
    shortNames: ['sa'],
    strategy: serviceAccountStrategy,
    printer: serviceAccountPrinter,
    unconditionalUpdate: false,
    subresources: [
      {
        name: 'token',
        kind: 'TokenRequest',
        group: 'authentication.k8s.io',
        version: 'v1',
        verbs: ['create'],
        handle: tokenSubresource,
      },
    ],
  }),
  services,
];
