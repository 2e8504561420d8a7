// resources: every resource that the server offers of itself, from the files of their groups.
//
// The order of the lines is that of discovery. What stands behind the names that kubectl resolves (`po`, `deploy`, `all`) is in
// resources/<group>.ts, one declaration each; resources that come at run time are added to the ResourceTable.
//
// Same idea upstream: controlplane/instance.go, which installs the storage of one group after the other.

import type { ResourceDefinition } from './resource-definition.ts';
import { ADMISSIONREGISTRATION_RESOURCES } from './resources/admissionregistration.ts';
import { APIEXTENSIONS_RESOURCES } from './resources/apiextensions.ts';
import { APIREGISTRATION_RESOURCES } from './resources/apiregistration.ts';
import { APPS_RESOURCES } from './resources/apps.ts';
import { AUTHENTICATION_RESOURCES } from './resources/authentication.ts';
import { AUTHORIZATION_RESOURCES } from './resources/authorization.ts';
import { AUTOSCALING_RESOURCES } from './resources/autoscaling.ts';
import { BATCH_RESOURCES } from './resources/batch.ts';
import { CERTIFICATES_RESOURCES } from './resources/certificates.ts';
import { COORDINATION_RESOURCES } from './resources/coordination.ts';
import { CORE_RESOURCES } from './resources/core.ts';
import { DISCOVERY_RESOURCES } from './resources/discovery.ts';
import { EVENTS_RESOURCES } from './resources/events.ts';
import { EXTENSIONS_RESOURCES } from './resources/extensions.ts';
import { FLOWCONTROL_RESOURCES } from './resources/flowcontrol.ts';
import { NETWORKING_RESOURCES } from './resources/networking.ts';
import { NODE_RESOURCES } from './resources/node.ts';
import { POLICY_RESOURCES } from './resources/policy.ts';
import { RBAC_RESOURCES } from './resources/rbac.ts';
import { SCHEDULING_RESOURCES } from './resources/scheduling.ts';
import { STORAGE_RESOURCES } from './resources/storage.ts';

export const RESOURCES: readonly ResourceDefinition[] = [
  ...CORE_RESOURCES,
  ...APPS_RESOURCES,
  ...EVENTS_RESOURCES,
  ...AUTHENTICATION_RESOURCES,
  ...AUTHORIZATION_RESOURCES,
  ...AUTOSCALING_RESOURCES,
  ...BATCH_RESOURCES,
  ...CERTIFICATES_RESOURCES,
  ...NETWORKING_RESOURCES,
  ...POLICY_RESOURCES,
  ...RBAC_RESOURCES,
  ...STORAGE_RESOURCES,
  ...ADMISSIONREGISTRATION_RESOURCES,
  ...APIEXTENSIONS_RESOURCES,
  ...APIREGISTRATION_RESOURCES,
  ...SCHEDULING_RESOURCES,
  ...COORDINATION_RESOURCES,
  ...NODE_RESOURCES,
  ...DISCOVERY_RESOURCES,
  ...FLOWCONTROL_RESOURCES,
];

/** Served when the server is told to (see runtime-config.ts). */
export const OPTIONAL_RESOURCES: readonly ResourceDefinition[] = EXTENSIONS_RESOURCES;
