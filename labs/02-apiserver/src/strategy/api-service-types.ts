// api-service-types: APIService as apiregistration.k8s.io/v1 has it; the published types leave this group out.
//
// Same type upstream: kube-aggregator, pkg/apis/apiregistration/v1/types.go.

import type { KubernetesObject } from '../client/resources.ts';

export interface ServiceReference {
  namespace?: string;
  name?: string;
  port?: number;
}

export interface APIServiceSpec {
  /** Absent: this server answers the group-version itself. */
  service?: ServiceReference;
  group?: string;
  version?: string;
  insecureSkipTLSVerify?: boolean;
  /** PEM in base64. */
  caBundle?: string;
  groupPriorityMinimum: number;
  versionPriority: number;
}

export interface APIServiceCondition {
  type: string;
  status: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface APIService extends KubernetesObject {
  spec?: APIServiceSpec;
  status?: { conditions?: APIServiceCondition[] };
}
