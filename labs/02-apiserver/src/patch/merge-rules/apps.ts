// apps: which lists merge in the kinds of the group apps.
//
// Same facts upstream: k8s.io/api/apps/v1/types.go.

import { conditions, type MergeRules, retainKeys } from '../merge-rule.ts';

export const APPS_MERGE_RULES: MergeRules = {
  'apps.v1.DeploymentSpec': { strategy: retainKeys },
  'apps.v1.DeploymentStatus': conditions,
  'apps.v1.ReplicaSetStatus': conditions,
  'apps.v1.DaemonSetStatus': conditions,
  'apps.v1.StatefulSetStatus': conditions,
};
